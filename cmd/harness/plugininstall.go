package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/install"
	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
)

type installOptions struct {
	global    bool
	locked    bool
	signature bool
	sha256    string
	config    string
}

func (o *installOptions) globalFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.global, "global", false, "the user's plugins folder instead of ./.harness/plugins")
}

func (o *installOptions) lockedFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.locked, "locked", false, "exactly what harness.lock pins")
	cmd.Flags().StringVar(&o.config, "config", "", "config `FILE` whose folder has the harness.lock")
	cmd.Flags().BoolVar(&o.signature, "require-signature", false, "refuse a release without a sigstore bundle that cosign accepts")
}

// lock reads the lockfile that --locked is about, and returns its folder.
func (o *installOptions) lock(a *app) (*lockfile.File, string, error) {
	path := a.lockPath(nil)
	if o.config != "" {
		path = a.lockPath(&o.config)
	}
	lock, err := lockfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", usage("--locked needs %s, which is not there: make it with harness plugin lock", a.short(path))
	} else if err != nil {
		return nil, "", &exit{exitUsage, err}
	}
	return lock, filepath.Dir(path), nil
}

// options are those that every installation has in common.
func (o *installOptions) options(a *app, src install.Source) install.Options {
	return install.Options{
		Dir: a.pluginsFolder(o.global), Source: src, SHA256: o.sha256, RequireSignature: o.signature, Reserved: areas,
		Network: install.Network{
			API: os.Getenv("HARNESS_GITHUB_API"), Token: os.Getenv("GITHUB_TOKEN"), UserAgent: "harness/" + version,
		},
		Say: func(format string, args ...any) { a.say("harness: warning: "+format, args...) },
	}
}

func newPluginInstall(a *app) *cobra.Command {
	o := &installOptions{}
	cmd := &cobra.Command{
		Use:   "install SRC[@VERSION]",
		Short: "Install a plugin from a path, an https address or a GitHub release",
		Long: `Install a plugin into ./.harness/plugins, or with --global for this user. It is
not started. SRC is a path (a program, a .wasm, a folder or an archive), an https
address of one, or github.com/OWNER/REPO, of which the newest release or that of
VERSION is taken. What is fetched has to have the digest in the SHA256SUMS beside
it, GitHub's own, or that of --sha256.

  harness plugin install ./harness-plugin-hash
  harness plugin install github.com/acme/harness-plugin-hash@v1.2.0
  harness plugin install https://example.com/harness-plugin-hash.tar.gz --sha256 HEX
  harness plugin install --locked          all that harness.lock pins

An exec plugin is trusted code: it runs with your rights. GITHUB_TOKEN is used for
GitHub's API, HTTPS_PROXY and SSL_CERT_FILE hold.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context(), a)
			defer stop()
			switch {
			case o.locked && len(args) == 0:
				return o.installLocked(ctx, a, nil)
			case o.locked:
				return usage("harness plugin install --locked takes no source: the lockfile names them")
			case len(args) != 1:
				return usage("harness plugin install takes one source: a path, an https address or github.com/OWNER/REPO[@VERSION]")
			}
			return o.install(ctx, a, args[0])
		},
	}
	o.globalFlag(cmd)
	o.lockedFlag(cmd)
	cmd.Flags().StringVar(&o.sha256, "sha256", "", "`HEX` digest that what is fetched has to have")
	return cmd
}

func (o *installOptions) install(ctx context.Context, a *app, text string) error {
	src, err := install.ParseSource(text)
	if err != nil {
		return usage("harness plugin install: %w", err)
	}
	if o.sha256 != "" {
		if err := install.CheckSHA256(o.sha256); err != nil {
			return usage("flag --sha256: %w", err)
		}
	}
	if src.Path != "" && o.global { // an update may be asked for from anywhere
		if src.Path, err = filepath.Abs(src.Path); err != nil {
			return err
		}
	}
	return o.one(ctx, a, o.options(a, src))
}

// one installs a plugin and says what is there now.
func (o *installOptions) one(ctx context.Context, a *app, opts install.Options) error {
	r, err := install.Install(ctx, opts)
	if err != nil {
		return err
	}
	what := r.Name
	if r.Version != "" {
		what += " " + r.Version
	}
	verb := "installed"
	if r.Replaced != nil {
		verb = "replaced"
		if r.Replaced.Version != "" && r.Replaced.Version != r.Version {
			what += " (was " + r.Replaced.Version + ")"
		}
	}
	fmt.Fprintln(a.stdout, printable(fmt.Sprintf("%s %s (%s) in %s, checked by %s", verb, what, r.Kind, a.short(r.Path), r.Verified)))
	return o.advise(a, r)
}

// advise says what else there is to know about what was installed.
func (o *installOptions) advise(a *app, r *install.Receipt) error {
	c, err := a.catalog()
	if err != nil {
		return err
	}
	e, ok := c.Entry(r.Name)
	switch {
	case !ok || e.Path == r.Path && e.Problem == nil:
	case e.Path == r.Path:
		a.say("harness: warning: plugin %s cannot be used: %v", r.Name, e.Problem)
	default:
		a.say("harness: warning: %s is found before it, at %s: see harness plugin list", r.Name, e.Where())
	}
	path := a.lockPath(nil)
	lock, err := lockfile.Read(path)
	if err != nil || !ok || o.locked {
		return nil // nothing is pinned here
	}
	if found, err := c.Find(e); err == nil && lock.Check(a.short(path), found) != nil {
		a.say("harness: %s does not pin it so: harness plugin lock %s", a.short(path), r.Name)
	}
	return nil
}

// installLocked installs what the lockfile pins: the plugins named, or all.
// What is there as it is pinned stays.
func (o *installOptions) installLocked(ctx context.Context, a *app, names []string) error {
	lock, dir, err := o.lock(a)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(lock.Plugins))
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	for _, name := range names {
		pin, ok := lock.Plugins[name]
		if !ok {
			return usage("plugin %s is not pinned; pinned are: %s", name, joinKeys(lock.Plugins))
		}
		if e, ok := c.Entry(name); ok {
			if found, err := c.Find(e); err == nil && lock.Check(lockfile.FileName, found) == nil {
				fmt.Fprintf(a.stdout, "%s is as pinned\n", name)
				continue
			}
		}
		if pin.Source == lockfile.Local {
			return &exit{exitUsage, fmt.Errorf("plugin %s is pinned and was not installed by harness: put its program where it was, or pin another with harness plugin lock %[1]s", name)}
		}
		src, err := install.ParseSource(pin.Source)
		if err != nil {
			return usage("plugin %s: %w", name, err)
		}
		if src.Path != "" && !filepath.IsAbs(src.Path) { // as it is written, it is relative to the lockfile
			src.Path = a.short(filepath.Join(dir, src.Path))
		}
		opts := o.options(a, src)
		opts.Pin, opts.Name = &pin, name
		if err := o.one(ctx, a, opts); err != nil {
			return err
		}
	}
	return nil
}

func joinKeys[V any](m map[string]V) string {
	out := ""
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			out += ", "
		}
		out += k
	}
	if out == "" {
		return "none"
	}
	return out
}

func newPluginUpdate(a *app) *cobra.Command {
	o := &installOptions{}
	cmd := &cobra.Command{
		Use:   "update [NAME…]",
		Short: "Bring installed plugins to their newest release, or to what harness.lock pins",
		Long: `Bring installed plugins, or those named, to the newest release of where they came
from. What came from a path or an address is taken from there again. With --locked
the plugins become what harness.lock pins, those that are missing, too.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context(), a)
			defer stop()
			if o.locked {
				return o.installLocked(ctx, a, args)
			}
			return o.update(ctx, a, args)
		},
	}
	o.globalFlag(cmd)
	o.lockedFlag(cmd)
	return cmd
}

func (o *installOptions) update(ctx context.Context, a *app, names []string) error {
	installed, err := o.installed(a, names)
	if err != nil {
		return err
	}
	if len(installed) == 0 {
		fmt.Fprintf(a.stdout, "nothing is installed in %s\n", a.short(a.pluginsFolder(o.global)))
	}
	for _, r := range installed {
		src, err := install.ParseSource(r.Source)
		if err != nil {
			return fmt.Errorf("update plugin %s: %w", r.Name, err)
		}
		opts := o.options(a, src)
		opts.Name = r.Name
		if src.Repo != "" {
			if opts.Source, err = opts.Network.Newest(ctx, src.Repo); err != nil {
				return fmt.Errorf("update plugin %s: %w", r.Name, err)
			}
			if opts.Source == src {
				fmt.Fprintf(a.stdout, "%s %s is the newest\n", r.Name, r.Version)
				continue
			}
		}
		if err := o.one(ctx, a, opts); err != nil {
			return err
		}
	}
	return nil
}

// installed are the installed plugins of those names, or all.
func (o *installOptions) installed(a *app, names []string) ([]*install.Receipt, error) {
	all, err := install.List(a.pluginsFolder(o.global))
	if err != nil || len(names) == 0 {
		return all, err
	}
	var out []*install.Receipt
	for _, name := range names {
		i := slices.IndexFunc(all, func(r *install.Receipt) bool { return r.Name == name })
		if i < 0 {
			return nil, o.notInstalled(a, name, all)
		}
		out = append(out, all[i])
	}
	return out, nil
}

func (o *installOptions) notInstalled(a *app, name string, all []*install.Receipt) error {
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	hint := ""
	if other, err := install.List(a.pluginsFolder(!o.global)); err == nil && slices.ContainsFunc(other, func(r *install.Receipt) bool { return r.Name == name }) {
		hint = fmt.Sprintf("; it is in %s (--global=%v)", a.short(a.pluginsFolder(!o.global)), !o.global)
	} else if c, err := a.catalog(); err == nil {
		if e, ok := c.Entry(name); ok {
			hint = fmt.Sprintf("; harness did not install what is at %s, so it leaves that alone", e.Where())
		}
	}
	return usage("plugin %q is not installed in %s%s%s", name, a.short(a.pluginsFolder(o.global)), suggest(name, names), hint)
}

func newPluginRemove(a *app) *cobra.Command {
	o := &installOptions{}
	cmd := &cobra.Command{
		Use:   "remove NAME…",
		Short: "Take out plugins that harness plugin install put in",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("harness plugin remove takes the names of installed plugins; see harness plugin list")
			}
			ctx, stop := interruptible(cmd.Context(), a)
			defer stop()
			installed, err := o.installed(a, args)
			if err != nil {
				return err
			}
			for _, r := range installed {
				if _, err := install.Remove(ctx, a.pluginsFolder(o.global), r.Name); err != nil {
					return err
				}
				fmt.Fprintln(a.stdout, printable(fmt.Sprintf("removed %s %s", r.Name, r.Version)))
			}
			return nil
		},
	}
	o.globalFlag(cmd)
	return cmd
}

// otherPlatforms are the digests that a manifest states for other platforms
// than this one, if what it states for this one holds.
func otherPlatforms(m *manifest.Manifest, digest string) map[string]string {
	if m == nil {
		return nil
	}
	if a, _, ok := m.Artifact(manifest.Platform()); !ok || a.SHA256 != digest {
		return nil
	}
	out := map[string]string{}
	for platform, a := range m.Platforms {
		if a.SHA256 != "" {
			out[platform] = a.SHA256
		}
	}
	return out
}
