package main

import (
	"bufio"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/lifeline"
)

var (
	pgRate = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
	pgMean = regexp.MustCompile(`latency average = ([0-9.]+) ms`)
	pgDSN  = regexp.MustCompile(`postgres(?:ql)?://\S+`)
)

// besidePgbench runs the same script over the same wire by pgbench and by the
// db plugin. Every answer of the server is held back for 5 ms, because without
// that the clients' own work decides the rate: what that is, make bench says.
func (b *bench) besidePgbench() error {
	const users, delay = 8, 5 * ms
	path := b.tool("pgbench")
	if path == "" {
		b.say("pgbench: not installed: apt-get install postgresql-contrib")
		b.check(true, "pgbench", "not installed", "nothing")
		return nil
	}
	direct, stop, err := b.postgres()
	if err != nil {
		return err
	}
	defer stop()
	if _, err := b.command(path, "-i", "-q", "-s", "1", direct.String()); err != nil {
		return err
	}
	p, err := startProxy("tcp", direct.Host, delay)
	if err != nil {
		return fmt.Errorf("start a proxy: %w", err)
	}
	defer p.close()
	behind := *direct
	behind.Host = p.listener.Addr().String()

	out, err := b.command(path, "-n", "-c", strconv.Itoa(users), "-j", "1", "-M", "prepared", "-b", "select-only",
		"-T", strconv.Itoa(besideSeconds), behind.String())
	if err != nil {
		return err
	}
	rate, mean := pgRate.FindStringSubmatch(out), pgMean.FindStringSubmatch(out)
	if rate == nil || mean == nil {
		return fmt.Errorf("pgbench printed something else than expected:\n%s", out)
	}
	theirs := claim{mean: unit(mean[1], "ms")}
	theirs.rate, _ = strconv.ParseFloat(rate[1], 64) // the pattern matches numbers alone

	o, err := b.measured(job{use: "db/pgbench", dsn: behind.String(), load: closed(users, besideSeconds*time.Second),
		with: map[string]any{"script": "select_only", "protocol": "prepared", "scale": 1}})
	if err != nil {
		return err
	}
	ours := claim{rate: float64(o.round.Counts.OK) / o.round.Elapsed, mean: time.Duration(o.clock(result.Response).Mean())}
	b.check(math.Abs(ours.rate/theirs.rate-1) <= besideLimit, "pgbench, select-only: rate",
		fmt.Sprintf("%.0f/s beside %.0f/s (%s)", ours.rate, theirs.rate, percent(ours.rate, theirs.rate)), "within 3%")
	b.within("pgbench, select-only: mean", ours.mean, theirs.mean, besideLimit)
	return nil
}

// postgres starts the reference stack's PostgreSQL.
func (b *bench) postgres() (*url.URL, func(), error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	cmd := exec.CommandContext(b.ctx, b.bin, "reference", "up", "--components", "postgres")
	cmd.Dir, cmd.Stdout = b.dir, write
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	process, err := lifeline.Start(cmd, syscall.SIGTERM)
	write.Close()
	if err != nil {
		read.Close()
		return nil, nil, err
	}
	stop := func() { // the pipe is open until then: it would end a process that goes on to print
		_ = process.Signal(syscall.SIGTERM) // it may have ended
		<-process.Done()
		read.Close()
	}
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		if dsn := pgDSN.FindString(lines.Text()); dsn != "" {
			u, err := url.Parse(dsn)
			if err != nil {
				stop()
				return nil, nil, fmt.Errorf("start PostgreSQL: %w", err)
			}
			return u, stop, nil
		}
	}
	stop()
	return nil, nil, fmt.Errorf("start PostgreSQL: it said no address: harness reference up --components postgres shows why")
}
