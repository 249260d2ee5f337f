package install

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/benchharness/harness/internal/manifest"
)

// prefix begins the file names of plugins.
const prefix = "harness-plugin-"

const moduleSuffix = ".wasm"

// arranged is a plugin's folder as it will be installed.
type arranged struct {
	dir      string
	name     string
	file     string // its program
	kind     manifest.Kind
	digest   string // of the program, in hexadecimal
	manifest *manifest.Manifest
}

func (p *arranged) version(tag string) string {
	if p.manifest != nil {
		return p.manifest.Version
	}
	return strings.TrimPrefix(tag, "v")
}

// arrange finds the plugin in a folder that was unpacked, or that somebody
// named, and copies it to a new one.
func arrange(tree, dir string) (*arranged, error) {
	tree, err := top(tree)
	if err != nil {
		return nil, err
	}
	p := &arranged{dir: dir}
	if err := p.identify(tree); err != nil {
		return nil, err
	}
	from := p.file
	if p.manifest == nil {
		p.file = prefix + p.name
		if p.kind == manifest.WASM {
			p.file += moduleSuffix
		}
	}
	b, err := newBasket(dir)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if err := b.copyTree(tree); err != nil {
		return nil, err
	}
	if from != p.file {
		if err := b.root.Rename(from, p.file); err != nil {
			return nil, fmt.Errorf("name the program: %w", err)
		}
	}
	return p, p.checkProgram()
}

// top is the folder that the plugin is in: the one that is given, or the only
// one below it, as archives often have it.
func top(tree string) (string, error) {
	entries, err := os.ReadDir(tree)
	if err != nil {
		return "", err
	}
	if len(entries) == 1 && entries[0].IsDir() {
		return filepath.Join(tree, entries[0].Name()), nil
	}
	return tree, nil
}

// identify finds out which plugin is in a folder, by its manifest or else by
// the name of its program.
func (p *arranged) identify(tree string) error {
	m, err := manifest.Read(filepath.Join(tree, manifest.FileName))
	var foreign *manifest.ForeignError
	switch {
	case err == nil:
		return p.byManifest(m)
	case !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &foreign):
		return errors.New(strings.ReplaceAll(err.Error(), tree+string(filepath.Separator), ""))
	}
	entries, err := os.ReadDir(tree)
	if err != nil {
		return err
	}
	var programs []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && e.Type().IsRegular() {
			programs = append(programs, e.Name())
		}
	}
	switch len(programs) {
	case 0:
		return fmt.Errorf("there is no plugin in it: want a %s, or a program named %sNAME", manifest.FileName, prefix)
	case 1:
	default:
		return fmt.Errorf("there are several programs in it (%s) and no %s that says which", strings.Join(programs, ", "), manifest.FileName)
	}
	p.file, p.kind = programs[0], manifest.Exec
	if strings.HasSuffix(p.file, moduleSuffix) {
		p.kind = manifest.WASM
	}
	p.name = pluginName(p.file)
	if !nameExpr.MatchString(p.name) {
		return fmt.Errorf("its program is named %s, want %sNAME with a name of lower-case letters, digits, '-' and '_'", shown(p.file), prefix)
	}
	return nil
}

func (p *arranged) byManifest(m *manifest.Manifest) error {
	a, _, ok := m.Artifact(manifest.Platform())
	if !ok {
		return fmt.Errorf("plugin %s has no program for %s, only for %s", m.Name, manifest.Platform(), strings.Join(m.PlatformKeys(), ", "))
	}
	p.manifest, p.name, p.file, p.kind = m, m.Name, a.File, m.Kind
	return nil
}

var (
	nameExpr = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
	// versionPart is where, in a file name of a release, the name ends.
	versionPart = regexp.MustCompile(`[-_.](v?[0-9]|linux|darwin|macos|any|universal)`)
)

// pluginName is the plugin's name in a file name such as
// harness-plugin-hash_1.2.0_linux_amd64.
func pluginName(file string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(file, prefix), moduleSuffix)
	if at := versionPart.FindStringIndex(name); at != nil {
		name = name[:at[0]]
	}
	return name
}

// checkProgram makes sure that the program is there, can be what it is said to
// be, and has the digest that the manifest states.
func (p *arranged) checkProgram() error {
	path := filepath.Join(p.dir, p.file)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("its manifest names the program %s, which is not in it", p.file)
	} else if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 20)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("its program %s is empty", p.file)
	}
	if err := fits(p.kind, head[:n]); err != nil {
		return fmt.Errorf("its program %s %w", p.file, err)
	}
	if p.kind == manifest.Exec {
		if err := f.Chmod(0o755); err != nil { // zip archives made elsewhere have no such right
			return err
		}
	}
	h := sha256.New()
	h.Write(head[:n])
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	p.digest = hex.EncodeToString(h.Sum(nil))
	if p.manifest == nil {
		return nil
	}
	if a, _, _ := p.manifest.Artifact(manifest.Platform()); a.SHA256 != "" && a.SHA256 != p.digest {
		return fmt.Errorf("plugin %s is refused: its manifest says that %s has sha256 %s…, and it has %s…: it was changed after it was made",
			p.name, p.file, a.SHA256[:12], p.digest[:12])
	}
	return nil
}

// fits says whether a file that begins with head can run here. Scripts and
// formats that are not known may.
func fits(kind manifest.Kind, head []byte) error {
	const elfAMD64, elfARM64 = 62, 183
	is := ""
	switch {
	case bytes.HasPrefix(head, []byte("\x00asm")):
		if kind == manifest.Exec {
			return errors.New("is a WASM module, and its kind is exec")
		}
		return nil
	case kind == manifest.WASM:
		return errors.New("is no WASM module")
	case bytes.HasPrefix(head, []byte("\x7fELF")) && len(head) >= 20:
		is = map[uint16]string{elfAMD64: "linux/amd64", elfARM64: "linux/arm64"}[binary.LittleEndian.Uint16(head[18:])]
		if is == "" {
			is = "linux on another processor"
		}
	case bytes.HasPrefix(head, []byte{0xcf, 0xfa, 0xed, 0xfe}) && len(head) >= 8:
		is = map[uint32]string{0x01000007: "darwin/amd64", 0x0100000c: "darwin/arm64"}[binary.LittleEndian.Uint32(head[4:])]
	case bytes.HasPrefix(head, []byte("MZ")):
		is = "windows"
	}
	// An Intel program runs on Apple's processors, too.
	if is == "" || is == manifest.Platform() || is == "darwin/amd64" && runtime.GOOS == "darwin" {
		return nil
	}
	return fmt.Errorf("is for %s, this machine is %s", is, manifest.Platform())
}
