package wire

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

type clock struct {
	name      string
	histogram **hdrhistogram.Histogram
	encoded   *string
}

// clocks pairs the clocks of a result with those of its message.
func clocks(c *loop.Clocks, m *pluginv1.Clocks) []clock {
	if m == nil {
		m = &pluginv1.Clocks{}
	}
	return []clock{
		{"response", &c.Response, &m.Response},
		{"service", &c.Service, &m.Service},
		{"lag", &c.Lag, &m.Lag},
		{"wait", &c.Wait, &m.Wait},
	}
}
