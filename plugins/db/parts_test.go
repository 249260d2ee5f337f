package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

func TestStatementsBecomeParametersOrText(t *testing.T) {
	values := [][]byte{[]byte("7"), []byte("-12")}
	for _, c := range []struct{ text, sql, simple string }{
		{"BEGIN;", "BEGIN;", "BEGIN;"},
		{"SET a = a + :b WHERE c = :a;", "SET a = a + $1 WHERE c = $2;", "SET a = a + -12 WHERE c = 7;"},
		{"SELECT :a, :a", "SELECT $1, $2", "SELECT 7, 7"},
		{"SELECT :a::int, :ab", "SELECT $1::int, :ab", "SELECT 7::int, :ab"},
		{":", ":", ":"},
	} {
		s := newStatement("", 0, c.text, "a", "b")
		if got := string(s.appendText(nil, values)); s.sql != c.sql || got != c.simple {
			t.Errorf("%q is %q and %q, want %q and %q", c.text, s.sql, got, c.sql, c.simple)
		}
	}
}

func TestTheDigestTellsEveryParameterApart(t *testing.T) {
	seen := map[string]string{}
	for _, params := range [][]any{
		{1, 23}, {12, 3}, {"1", 23}, {0xd800, "x"}, {0xd801, "x"}, {2_000_000, "x"}, {3_000_000, "x"}, {-1, "x"}, {-2, "x"},
	} {
		for seed := range uint64(2) {
			d, what := digest("transactions", seed, params...), fmt.Sprint(seed, params)
			if same, ok := seen[d]; ok {
				t.Errorf("%s and %s have the same digest", same, what)
			}
			seen[d] = what
		}
	}
}

func TestNumbersOfTheServerAreRead(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "0": 0, "-5000": -5000, "2147483647": math.MaxInt32, "-9223372036854775807": -math.MaxInt64} {
		if got := parseInt([]byte(text)); got != want {
			t.Errorf("%q is read as %d", text, got)
		}
	}
	for tag, want := range map[string]int64{"": 0, "BEGIN": 0, "UPDATE 1": 1, "INSERT 0 1": 1, "SELECT 120": 120, "COPY 1000": 1000} {
		if got := rowsOf([]byte(tag)); got != want {
			t.Errorf("%q is read as %d rows", tag, got)
		}
	}
}

func TestAccountsAreDrawnUniformly(t *testing.T) {
	const ops, cells = 200_000, 100
	j := newScriptJob(scripts[tpcbLike], 3, false)
	var accounts, tellers, branches, deltas [cells]float64
	seeds := draws(1)
	for range ops {
		j.draw(seeds.next())
		accounts[(parseInt(j.values[0])-1)*cells/300_000]++
		tellers[parseInt(j.values[2])-1]++
		branches[parseInt(j.values[1])-1]++
		deltas[(parseInt(j.values[3])+5000)*cells/10_001]++
	}
	for name, c := range map[string][]float64{"accounts": accounts[:], "tellers": tellers[:30], "branches": branches[:3], "deltas": deltas[:]} {
		var chi float64
		want := float64(ops) / float64(len(c))
		for _, n := range c {
			chi += (n - want) * (n - want) / want
		}
		// Five standard deviations of chi-square; deltas' cells differ by 1%.
		if k := float64(len(c) - 1); chi > k+5*math.Sqrt(2*k)+20 {
			t.Errorf("%s have a chi-square of %.0f over %.0f degrees of freedom", name, chi, k)
		}
	}
	first := fmt.Sprintf("%s", j.values)
	j.draw(99)
	other := fmt.Sprintf("%s", j.values)
	j.draw(99)
	if again := fmt.Sprintf("%s", j.values); again != other || first == other {
		t.Errorf("draws are %s, %s, %s: want the same for the same seed alone", first, other, again)
	}
}

func TestRowsAreReadInAnyPieces(t *testing.T) {
	for _, size := range []int{1, 7, 4096, 1 << 20} {
		r := &rowReader{rows: 25, per: 10, row: accountRow}
		var text strings.Builder
		if _, err := io.CopyBuffer(struct{ io.Writer }{&text}, struct{ io.Reader }{r}, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		rows := strings.SplitAfter(text.String(), "\n")
		if len(rows) != 26 || rows[0] != "1\t1\t0\t\n" || rows[9] != "10\t1\t0\t\n" || rows[10] != "11\t2\t0\t\n" || rows[24] != "25\t3\t0\t\n" {
			t.Errorf("in pieces of %d the rows are %q", size, rows)
		}
	}
}

func TestErrorsHaveClasses(t *testing.T) {
	pg := func(code string) error { return fmt.Errorf("op: %w", &pgconn.PgError{Code: code}) }
	for _, c := range []struct {
		err  error
		want string
	}{
		{pg("40001"), "serialization_failure"},
		{pg("40P01"), "deadlock"},
		{pg("57014"), "timeout"},
		{pg("55P03"), "timeout"},
		{pg("57P01"), "connection"},
		{pg("08006"), "connection"},
		{pg("53300"), "sqlstate_53300"},
		{pg("23505"), "sqlstate_23505"},
		{io.ErrUnexpectedEOF, "connection"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout"},
		{sdk.Classify("wrong_rows", errors.New("0 rows")), "wrong_rows"},
		{context.Canceled, sdk.ClassUnclassified},
	} {
		if got := sdk.Class(classify(c.err)); got != c.want {
			t.Errorf("%v is of class %s, want %s", c.err, got, c.want)
		}
	}
	if classify(nil) != nil {
		t.Error("no error has a class")
	}
}

func TestSchemasAreNamedForTheirRun(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range []string{"20260102T030405-ab", "", `x"; DROP TABLE y; --`, strings.Repeat("é9", 60), "r1", "r1"} {
		name := schemaName(id)
		if !schemaPattern.MatchString(name) || len(name) > 63 || seen[name] {
			t.Errorf("run %q gives schema %q", id, name)
		}
		seen[name] = true
	}
	if name := schemaName("20260102T030405-ab"); !strings.HasPrefix(name, "harness_20260102t030405_ab_") {
		t.Errorf("schema is %s, want the run's id in it", name)
	}
}

func TestBulkRowsAreNumbered(t *testing.T) {
	j := newBulkJob(&bulkTable{}, 12, 1)
	j.number(999_995)
	rows := strings.SplitAfter(strings.TrimSuffix(string(j.text), "\n"), "\n")
	var ids []string
	for _, row := range rows {
		cells := strings.Split(row, "\t")
		if len(cells) != 4 {
			t.Fatalf("row is %q", row)
		}
		ids = append(ids, strings.TrimLeft(cells[0], "0"))
	}
	if len(ids) != 12 || ids[0] != "999995" || ids[11] != "1000006" || !slices.IsSorted(ids[5:]) {
		t.Errorf("ids are %q", ids)
	}
}
