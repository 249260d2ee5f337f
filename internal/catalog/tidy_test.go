package catalog

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

func TestWhatAForeignPluginSaysOfItselfIsPrintable(t *testing.T) {
	evil := "\x1b[31mred\x1b]0;title\x07\r\nline\u202e" + strings.Repeat("x", 5000)
	elem := sdk.Param{Type: sdk.String, Doc: evil}
	p := sdk.Plugin{
		Name: "hash", Version: evil, Doc: evil,
		Table: sdk.Table{Title: evil, Subject: evil, Columns: []sdk.Column{{Title: evil, Metric: "latency_mean"}}},
		Benchmarks: []sdk.Benchmark{{
			Name: "b", Doc: evil, Target: evil,
			Presets: []sdk.Preset{{Name: "p", Doc: evil}},
			Metrics: []sdk.Metric{{Name: "m", Unit: evil, Doc: evil}},
			Params: []sdk.Param{
				{Name: evil, Type: sdk.String, Doc: evil, Enum: []string{evil}},
				{Name: "list", Type: sdk.ListParam, Elem: &elem},
				{Name: "object", Type: sdk.ObjectParam, Fields: []sdk.Param{{Name: "in", Type: sdk.Int, Doc: evil}}},
			},
		}},
	}
	w := newWorld(t)
	w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	c := w.open(t)
	c.opts.Ask = func(context.Context, Entry) (*pluginv1.DescribeResponse, error) { return wire.DescribeToProto(p) }
	for _, how := range []string{"asked", "remembered"} {
		got, err := c.Describe(context.Background(), "hash")
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%+v %+v", got, *got.Benchmarks[0].Params[1].Elem)
		if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' }); i >= 0 {
			t.Errorf("%s: it can still drive a terminal: %q", how, text[i:min(i+40, len(text))])
		}
		if len(text) > 6000 {
			t.Errorf("%s: %d bytes of text are left", how, len(text))
		}
	}
}
