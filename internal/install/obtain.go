package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/benchharness/harness/internal/manifest"
)

// obtained is what a source gave: a folder with the plugin in it.
type obtained struct {
	tree     string
	program  bool     // a digest that was asked for is that of the program
	tag      string   // of the release
	source   string   // for the receipt
	verified []string // how it was checked
}

func (o Options) obtain(ctx context.Context, work string) (*obtained, error) {
	switch s := o.Source; {
	case s.Repo != "":
		return o.fromRelease(ctx, work)
	case s.URL != "":
		return o.fromURL(ctx, work)
	}
	return o.fromPath(work)
}

// fromPath takes a program, a module, a folder or an archive of this machine.
// That somebody has it there is trusted; a list of digests beside it is not
// passed over.
func (o Options) fromPath(work string) (*obtained, error) {
	from := o.Source.Path
	info, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no such file; give a path, an https address or github.com/OWNER/REPO")
	case err != nil:
		return nil, err
	case o.RequireSignature:
		return nil, errors.New("a path has no signature; install a release of GitHub, or leave out --require-signature")
	}
	got := &obtained{source: from, verified: []string{"a path"}}
	if info.IsDir() {
		got.tree, got.program = from, true
		return got, nil
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is neither a file nor a folder")
	}
	name := filepath.Base(from)
	if err := o.besidePath(from, got); err != nil {
		return nil, err
	}
	got.tree = filepath.Join(work, "tree")
	if isArchive(name) {
		if o.SHA256 != "" {
			if err := checkDigest(from, name, o.SHA256, "--sha256"); err != nil {
				return nil, err
			}
			got.verified = []string{"--sha256"}
		}
		return got, unpack(from, name, got.tree)
	}
	got.program = true
	if o.SHA256 != "" {
		got.verified = []string{"--sha256"}
	}
	m, err := manifestBeside(from)
	if err != nil {
		return nil, err
	}
	return got, single(got.tree, from, name, m)
}

// besidePath checks a file against a list of digests in its folder.
func (o Options) besidePath(from string, got *obtained) error {
	name := filepath.Base(from)
	for _, list := range sumsNames {
		f, err := os.Open(filepath.Join(filepath.Dir(from), list))
		if err != nil {
			continue
		}
		s, err := parseSums(f, name)
		f.Close()
		if err != nil {
			continue // some other program's file
		}
		want, listed := s[name]
		if !listed {
			continue
		}
		got.verified = []string{list}
		return checkDigest(from, name, want, list)
	}
	return nil
}

// manifestBeside is the file of the manifest in a program's folder if it is
// about that program, or "".
func manifestBeside(program string) (string, error) {
	file := filepath.Join(filepath.Dir(program), manifest.FileName)
	m, err := manifest.Read(file)
	var foreign *manifest.ForeignError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &foreign):
		return "", nil
	case err != nil:
		return "", err
	}
	a, _, ok := m.Artifact(platform())
	if name := filepath.Base(program); ok && a.File == name {
		return file, nil
	} else if m.Name == pluginName(name) {
		return "", fmt.Errorf("the manifest beside it is that of plugin %s, and does not name %s as its program for %s", m.Name, name, platform())
	}
	return "", nil
}

// single makes a plugin's folder of one program and its manifest, if it has
// one, which says what the program is called.
func single(tree, program, name, manifestFile string) error {
	b, err := newBasket(tree)
	if err != nil {
		return err
	}
	defer b.close()
	if manifestFile != "" {
		m, err := manifest.Read(manifestFile)
		if err != nil {
			return errors.New(strings.ReplaceAll(err.Error(), filepath.Dir(manifestFile)+string(filepath.Separator), ""))
		}
		if a, _, ok := m.Artifact(platform()); ok {
			name = a.File
		}
		if err := b.copyFile(manifest.FileName, manifestFile); err != nil {
			return err
		}
	}
	return b.copyFile(name, program)
}

// fromURL takes a program, a module or an archive from an address.
func (o Options) fromURL(ctx context.Context, work string) (*obtained, error) {
	if o.RequireSignature {
		return nil, errors.New("an address has no signer to check for; install a release of GitHub, or leave out --require-signature")
	}
	u, err := url.Parse(o.Source.URL)
	if err != nil {
		return nil, errors.New("the address is malformed")
	}
	name := path.Base(u.Path)
	if err := checkPath(name); err != nil {
		return nil, errors.New("the address names no file")
	}
	got := &obtained{source: o.Source.String()}
	f := &fetched{options: o, work: work, name: name, got: got}
	if err := o.Network.download(ctx, o.Source.URL, nil, f.path(name)); err != nil {
		return nil, err
	}
	beside := func(file string) string {
		v := *u
		v.Path, v.RawPath = path.Join(path.Dir(u.Path), file), ""
		return v.String()
	}
	lists := append([]string{name + ".sha256"}, sumsNames...)
	for i, list := range lists {
		err := o.Network.download(ctx, beside(list), nil, f.path(list))
		if missing := (*notFoundError)(nil); errors.As(err, &missing) {
			continue
		} else if err != nil {
			return nil, err
		}
		if err := f.read(list, i > 0); errors.Is(err, errNoList) {
			f.doubt = cmp.Or(f.doubt, err) // a page for people in place of a 404, as a rule
			continue
		} else if err != nil {
			return nil, err
		}
		break
	}
	return got, f.finish(func(file string) error { return o.Network.download(ctx, beside(file), nil, f.path(file)) })
}

// fromRelease takes what a release of GitHub has for this machine.
func (o Options) fromRelease(ctx context.Context, work string) (*obtained, error) {
	r, err := o.Network.release(ctx, o.Source.Repo, o.Source.Version)
	if err != nil {
		return nil, err
	}
	a, err := r.choose(platform())
	if err != nil {
		return nil, err
	}
	if err := checkPath(a.Name); err != nil || path.Base(a.Name) != a.Name {
		return nil, fmt.Errorf("release %s has a file with the name %s", r.Tag, shown(a.Name))
	}
	got := &obtained{tag: r.Tag, source: Source{Repo: o.Source.Repo, Version: r.Tag}.String()}
	f := &fetched{options: o, work: work, name: a.Name, got: got}
	fetch := func(file string) error {
		a, ok := r.find(file)
		if !ok {
			return &notFoundError{file}
		}
		return o.Network.asset(ctx, a, f.path(file))
	}
	if err := fetch(a.Name); err != nil {
		return nil, err
	}
	if err := f.sumsOf(r, fetch); err != nil {
		return nil, err
	}
	if f.sums == nil {
		f.list, f.sums = "GitHub", r.digests()
	}
	if digest, ok := strings.CutPrefix(a.Digest, "sha256:"); ok {
		if err := checkDigest(f.path(a.Name), a.Name, digest, "GitHub"); err != nil {
			return nil, err
		}
		got.verified = append(got.verified, "GitHub's digest")
	}
	if err := f.signature(ctx, r, fetch); err != nil {
		return nil, err
	}
	return got, f.finish(fetch)
}

// fetched is a file from elsewhere, in the working folder.
type fetched struct {
	options Options
	work    string
	name    string
	got     *obtained
	list    string // name of the list of digests
	sums    sums
	doubt   error // what is wrong with something of the name of such a list
}

func (f *fetched) path(name string) string { return filepath.Join(f.work, "fetched-"+name) }

// sumsOf looks for the list of digests among the assets of a release.
func (f *fetched) sumsOf(r *release, fetch func(string) error) error {
	names := []string{f.name + ".sha256"}
	for _, a := range r.Assets {
		if isSums(a.Name) && path.Base(a.Name) == a.Name {
			names = append(names, a.Name)
		}
	}
	for i, name := range names {
		if _, ok := r.find(name); !ok {
			continue
		}
		if err := fetch(name); err != nil {
			return err
		}
		return f.read(name, i > 0)
	}
	return nil
}

// errNoList says that a file is something else.
var errNoList = errors.New("is no list of digests")

// read takes in a list of digests and checks the file against it. One that is
// about many files has to have this one in it.
func (f *fetched) read(list string, many bool) error {
	in, err := os.Open(f.path(list))
	if err != nil {
		return err
	}
	defer in.Close()
	if f.sums, err = parseSums(in, f.name); err != nil {
		return fmt.Errorf("%s %w: %w", list, errNoList, err)
	}
	want, ok := f.sums[f.name]
	if !ok {
		return fmt.Errorf("%s does not list %s", list, f.name)
	}
	if !many {
		f.sums = sums{f.name: want}
	}
	f.list = list
	f.got.verified = append(f.got.verified, list)
	return checkDigest(f.path(f.name), f.name, want, list)
}

// signature checks the sigstore bundle of the file, or that of the list of its
// digests, where there is one.
func (f *fetched) signature(ctx context.Context, r *release, fetch func(string) error) error {
	for _, signed := range []string{f.name, f.list} {
		for _, suffix := range []string{".sigstore.json", ".sigstore"} {
			bundle := signed + suffix
			if _, ok := r.find(bundle); !ok {
				continue
			}
			if err := fetch(bundle); err != nil {
				return err
			}
			err := verifyBundle(ctx, f.options.Cosign, f.options.Source.Repo, f.path(signed), f.path(bundle))
			switch {
			case err == nil:
				f.got.verified = append(f.got.verified, "the signature "+bundle)
				return nil
			case errors.Is(err, errNoCosign) && !f.options.RequireSignature:
				f.say("%s is signed (%s), and the signature was not checked: %v", signed, bundle, err)
				return nil
			}
			return err
		}
	}
	if f.options.RequireSignature {
		return fmt.Errorf("release %s has no sigstore bundle of %s", r.Tag, f.name)
	}
	return nil
}

func (f *fetched) say(format string, args ...any) {
	if f.options.Say != nil {
		f.options.Say(format, args...)
	}
}

// finish unpacks the file, once it is known to be what its publisher made.
// fetch gets one more file from beside it.
func (f *fetched) finish(fetch func(string) error) error {
	o, got := f.options, f.got
	archive := isArchive(f.name)
	if o.SHA256 != "" {
		if err := checkDigest(f.path(f.name), f.name, o.SHA256, "--sha256"); err != nil {
			return err
		}
		got.verified = append(got.verified, "--sha256")
	}
	if len(got.verified) == 0 && o.Pin != nil && !archive {
		got.verified = append(got.verified, "harness.lock") // by the digest of the program, which this is
	}
	if len(got.verified) == 0 && f.doubt != nil {
		return fmt.Errorf("nothing says what %s has to be: %w; give its digest with --sha256", f.name, f.doubt)
	} else if len(got.verified) == 0 {
		return fmt.Errorf("nothing says what %s has to be: there is no SHA256SUMS beside it; give its digest with --sha256", f.name)
	}
	got.tree = filepath.Join(f.work, "tree")
	if archive {
		return unpack(f.path(f.name), f.name, got.tree)
	}
	m, err := f.manifestOf(fetch)
	if err != nil {
		return err
	}
	return single(got.tree, f.path(f.name), f.name, m)
}

// manifestOf fetches the manifest beside a program, if it is listed with it.
func (f *fetched) manifestOf(fetch func(string) error) (string, error) {
	want, listed := f.sums[manifest.FileName]
	if !listed {
		return "", nil
	}
	if err := fetch(manifest.FileName); err != nil {
		return "", err
	}
	to := f.path(manifest.FileName)
	return to, checkDigest(to, manifest.FileName, want, f.list)
}
