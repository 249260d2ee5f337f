package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

// App is a GitHub App that acts as one of its installations.
type App struct {
	ID int64
	// Installation is looked up for Repo where it is 0.
	Installation int64
	// Key is the private key, PEM.
	Key []byte
	// Repo is the repository whose installation is meant, and the only one that
	// the token is for; without it the token is for all of the installation's.
	Repo Repo
}

// appAuth is a transport that adds the token of an App's installation and
// gets a new one in time. It asks GitHub once for the installation and the
// App's name, with the first request.
type appAuth struct {
	app  App
	base *url.URL
	apps *ghinstallation.AppsTransport
	next http.RoundTripper

	mu    sync.Mutex
	slug  string
	token *ghinstallation.Transport // nil until the installation is known
}

func newAppAuth(app App, base *url.URL, next http.RoundTripper) (*appAuth, error) {
	if app.ID <= 0 {
		return nil, errors.New("GitHub App: needs the App's ID, a number")
	}
	if app.Installation == 0 && app.Repo.check() != nil {
		return nil, errors.New("GitHub App: needs the ID of the installation, or the repository to look it up for")
	}
	apps, err := ghinstallation.NewAppsTransport(next, app.ID, app.Key)
	if err != nil {
		return nil, errors.New("GitHub App: the private key is no RSA key in PEM; give the file as GitHub made it")
	}
	apps.BaseURL = strings.TrimSuffix(base.String(), "/")
	return &appAuth{app: app, base: base, apps: apps, next: next}, nil
}

func (a *appAuth) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := a.installation(req.Context())
	if err == nil {
		// Getting the token is a request of its own. It fails here, so that it can
		// be told from the failure of what it is for.
		_, err = token.Token(req.Context())
	}
	if err != nil {
		closeBody(req)
		return nil, unsent{err}
	}
	return token.RoundTrip(req)
}

// name is the login of the App's comments.
func (a *appAuth) name(ctx context.Context) (string, error) {
	if _, err := a.installation(ctx); err != nil {
		return "", err
	}
	return a.slug + "[bot]", nil
}

// installation finds out which installation this is.
func (a *appAuth) installation(ctx context.Context) (*ghinstallation.Transport, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != nil {
		return a.token, nil
	}
	gh := github.NewClient(&http.Client{Transport: origin{a.base, a.apps}, CheckRedirect: fewRedirects})
	gh.BaseURL = a.base
	o := op{what: fmt.Sprintf("find the installation of GitHub App %d on %s", a.app.ID, a.app.Repo)}
	find := func(ctx context.Context) (*github.Installation, *github.Response, error) {
		return gh.Apps.FindRepositoryInstallation(ctx, a.app.Repo.Owner, a.app.Repo.Name)
	}
	if id := a.app.Installation; id != 0 {
		o.what = fmt.Sprintf("read installation %d of GitHub App %d", id, a.app.ID)
		find = func(ctx context.Context) (*github.Installation, *github.Response, error) {
			return gh.Apps.GetInstallation(ctx, id)
		}
	}
	found, _, err := find(o.in(ctx))
	if err != nil {
		return nil, explain(o, err)
	}
	if found.GetID() == 0 || !validName(found.GetAppSlug()) {
		return nil, &ServerError{&Failure{Op: o.what, Message: "the answer names no installation"}}
	}
	if !found.GetSuspendedAt().IsZero() {
		return nil, &PermissionError{&Failure{Op: o.what, Message: "the installation is suspended", Remedy: "unsuspend it in the settings of the owner"}}
	}
	a.slug = found.GetAppSlug()
	token := ghinstallation.NewFromAppsTransport(a.apps, found.GetID())
	token.InstallationTokenOptions = &github.InstallationTokenOptions{}
	if a.app.Repo.check() == nil {
		// A token that leaks is good for this repository only.
		token.InstallationTokenOptions.Repositories = []string{a.app.Repo.Name}
	}
	a.token = token
	return token, nil
}
