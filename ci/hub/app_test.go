package hub

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/ci/hubtest"
)

// appOf registers an App and gives its key as GitHub hands it out.
func appOf(t *testing.T, s *hubtest.Server) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.AddApp(hubtest.App{ID: 4, Installation: 40, Slug: "bench-bot", Key: &key.PublicKey,
		Permissions: map[string]string{"issues": "write", "pull_requests": "write", "checks": "write"}})
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func as(app App) func(*Options) { return func(o *Options) { o.App = &app } }

func TestAnAppWritesAsItsBot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		key := appOf(t, s)
		for run, app := range map[int64]App{1: {ID: 4, Key: key, Repo: acme}, 2: {ID: 4, Installation: 40, Key: key}} {
			c := client(t, s, "", as(app))
			if r := put(t, c, said("text", 5)); r.Login != "bench-bot[bot]" {
				t.Errorf("%d: %+v", run, r)
			}
			// The installation, its token, and then as with any other token.
			before := c.Calls()
			if r := put(t, c, said("again", 6+run)); r.Action != Updated && r.Action != Stale {
				t.Errorf("%d: %+v", run, r)
			}
			if got := c.Calls() - before; got > 3 {
				t.Errorf("%d: %d calls for an update", run, got)
			}
			start(t, c, checkOf("harness"))
		}
	})
}

func TestTheTokenOfAnAppIsRenewed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "", as(App{ID: 4, Key: appOf(t, s), Repo: acme}))
		put(t, c, said("one", 1))
		time.Sleep(2 * time.Hour)
		if r := put(t, c, said("two", 2)); r.Action != Updated {
			t.Errorf("%+v", r)
		}
		if n := strings.Count(calls(s), "/access_tokens"); n != 2 {
			t.Errorf("%d tokens, want 2", n)
		}
	})
}

func TestAFaultBeforeTheCommentDoesNotMakeTwo(t *testing.T) {
	for _, on := range []string{"POST /app/installations/{installation_id}/access_tokens", "GET …/installation"} {
		for _, kind := range []hubtest.Kind{hubtest.BadGateway, hubtest.Cut, hubtest.Secondary} {
			bubble(t, func(t *testing.T) {
				s := world(t, "")
				s.Inject(hubtest.Fault{On: on, Kind: kind, Applied: true})
				c := client(t, s, "", as(App{ID: 4, Key: appOf(t, s), Repo: acme}))
				put(t, c, said("one", 1))
				same(t, "comments", comments(s), "bench-bot[bot]: one (run 1)\n")
				if !strings.Contains(s.DumpCalls(), "("+string(kind)) {
					t.Errorf("the fault hit nothing:\n%s", s.DumpCalls())
				}
			})
		}
	}
}

func TestAnAppThatCannotWorkIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		key := appOf(t, s)
		var auth *AuthError
		_, err := client(t, s, "", as(App{ID: 4, Key: appOf(t, hubtest.New(hubtest.Options{NoContract: true})), Repo: acme})).Pull(t.Context(), acme, 7)
		if !errors.As(err, &auth) || !strings.Contains(err.Error(), "private key") {
			t.Errorf("another key: %v", err)
		}
		var missing *NotFoundError
		_, err = client(t, s, "", as(App{ID: 4, Key: key, Repo: Repo{"acme", "none"}})).Pull(t.Context(), acme, 7)
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "find the installation of GitHub App 4 on acme/none") {
			t.Errorf("not installed: %v", err)
		}
		for _, app := range []App{{Key: key, Repo: acme}, {ID: 4, Key: key}, {ID: 4, Repo: acme, Key: []byte("-----BEGIN secret")}, {ID: 4, Repo: Repo{"a/b", "c"}, Key: key}} {
			if _, err := New(Options{App: &app}); err == nil || strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "GitHub App: ") {
				t.Errorf("%+v: %v", app.ID, err)
			}
		}
	})
}
