package wasmhost

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/benchharness/harness/sdk/abi"
)

// known are the capabilities that there are.
var known = []string{abi.Clock, abi.HTTP, abi.SQL, abi.Blob}

func (g Grant) check() error {
	for _, c := range g.Capabilities {
		if !slices.Contains(known, c) {
			return fmt.Errorf("there is no capability %q to grant: want %s", c, strings.Join(known, ", "))
		}
	}
	if slices.Contains(g.Capabilities, abi.Blob) && g.Blobs == "" {
		return errors.New(`the capability "blob" needs a folder: name it as blobs in harness.yaml`)
	}
	return nil
}

func (m *Module) granted(capability string) bool {
	return capability == "" || slices.Contains(m.opts.Grant.Capabilities, capability)
}

// UngrantedError says that a module imports what it was not granted.
type UngrantedError struct {
	Plugin                string
	Imports, Capabilities []string // one for one
}

func (e *UngrantedError) Error() string {
	flags, folder := slices.Clone(e.Capabilities), ""
	if i := slices.Index(flags, abi.Blob); i >= 0 {
		flags[i], folder = "blob:FOLDER", ", blobs: FOLDER"
	}
	needs, it := "needs the capability", "it"
	if len(e.Imports) > 1 {
		needs, it = "need the capabilities", "them"
	}
	return fmt.Sprintf("imports %s, which %s %q: grant %s with --grant %s=%s, or in harness.yaml with plugins: {%s: {grant: [%s]%s}}",
		strings.Join(e.Imports, ", "), needs, strings.Join(e.Capabilities, ", "), it,
		e.Plugin, strings.Join(flags, ","), e.Plugin, strings.Join(e.Capabilities, ", "), folder)
}

// inspect looks at what a module imports and exports, before anything of it
// runs.
func (m *Module) inspect() error {
	if len(m.compiled.ImportedMemories()) > 0 {
		return errors.New("imports a memory: it has to export its own")
	}
	missing := &UngrantedError{Plugin: m.opts.Name}
	for _, f := range m.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		if err := m.checkImport(module, name, f, missing); err != nil {
			return err
		}
	}
	if len(missing.Imports) > 0 {
		return missing
	}
	if _, ok := m.compiled.ExportedMemories()[abi.Memory]; !ok {
		return fmt.Errorf("exports no memory named %q: is it made for harness?", abi.Memory)
	}
	for _, e := range []struct {
		name, params string
		optional     bool
	}{
		{abi.Describe, "", false}, {abi.SetUp, "i", false}, {abi.Op, "ll", false}, {abi.TearDown, "", true},
	} {
		f, ok := m.compiled.ExportedFunctions()[e.name]
		switch {
		case !ok && !e.optional:
			return fmt.Errorf("exports no function %s: build a Go plugin with -buildmode=c-shared, any other as package sdk/abi says", e.name)
		case ok && (letters(f.ParamTypes()) != e.params || letters(f.ResultTypes()) != "i"):
			return fmt.Errorf("exports %s with other parameters or results than package sdk/abi says", e.name)
		}
	}
	if f, ok := m.compiled.ExportedFunctions()[abi.Initialize]; ok && (len(f.ParamTypes()) > 0 || len(f.ResultTypes()) > 0) {
		return fmt.Errorf("exports %s with parameters or results", abi.Initialize)
	}
	return nil
}

func (m *Module) checkImport(module, name string, f api.FunctionDefinition, missing *UngrantedError) error {
	var params, result string
	switch module {
	case abi.Module:
		i := slices.IndexFunc(abi.Imports, func(i abi.Import) bool { return i.Name == name })
		if i < 0 {
			return fmt.Errorf("imports %s.%s, which this harness does not have: use the harness that it was made for", module, name)
		}
		if c := abi.Imports[i].Capability; !m.granted(c) && !m.opts.Describing && !slices.Contains(missing.Imports, name) {
			missing.Imports, missing.Capabilities = append(missing.Imports, name), append(missing.Capabilities, c)
		}
		params, result = abi.Imports[i].Params, abi.Imports[i].Result
	case wasiModule:
		w, ok := wasi[name]
		if !ok {
			return fmt.Errorf("imports %s.%s, which WASI preview 1 does not have", module, name)
		}
		params, result = w.params, w.result
	default:
		return fmt.Errorf("imports %s.%s: there are only the modules %s and %s", module, name, abi.Module, wasiModule)
	}
	if letters(f.ParamTypes()) != params || letters(f.ResultTypes()) != result {
		return fmt.Errorf("imports %s.%s with other parameters or results than it has", module, name)
	}
	return nil
}

// letters writes types as package abi does.
func letters(types []api.ValueType) string {
	var b strings.Builder
	for _, t := range types {
		switch t {
		case api.ValueTypeI32:
			b.WriteByte('i')
		case api.ValueTypeI64:
			b.WriteByte('l')
		case api.ValueTypeF64:
			b.WriteByte('d')
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// types is the inverse of letters.
func types(letters string) []api.ValueType {
	out := make([]api.ValueType, 0, len(letters))
	for _, l := range letters {
		switch l {
		case 'i':
			out = append(out, api.ValueTypeI32)
		case 'l':
			out = append(out, api.ValueTypeI64)
		case 'd':
			out = append(out, api.ValueTypeF64)
		}
	}
	return out
}
