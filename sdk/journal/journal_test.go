package journal

import (
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func TestAnObjectIsLeftUntilItIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "run.jsonl")
	j, err := Create(path, Run{ID: "r1", PID: 42})
	if err != nil {
		t.Fatal(err)
	}
	table := sdk.Object{Kind: "table", Name: "harness_r1_accounts", Attrs: map[string]string{"schema": "public"}}
	folder := sdk.Object{Kind: "folder", Name: "/tmp/x"}
	plugin, err := Open(path, "db")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		plugin.For("db", "main-db").Record(table), j.Record(folder), j.Forget(folder), plugin.Close(), j.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Content{Run: Run{ID: "r1", PID: 42}, Left: []Entry{{"db", "main-db", table}}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func TestForgettingInOneTargetLeavesTheOther(t *testing.T) {
	lines := `{"verb":"run","run":{"id":"r"}}
{"verb":"record","owner":"db","target":"a","object":{"kind":"table","name":"t"}}
{"verb":"record","owner":"db","target":"b","object":{"kind":"table","name":"t"}}
{"verb":"forget","owner":"db","target":"a","object":{"kind":"table","name":"t"}}
`
	c, err := Read(strings.NewReader(lines))
	if err != nil || len(c.Left) != 1 || c.Left[0].Target != "b" {
		t.Errorf("got %+v, %v", c.Left, err)
	}
}

func TestDamage(t *testing.T) {
	const run = `{"verb":"run","run":{"id":"r"}}` + "\n"
	const rec = `{"verb":"record","object":{"kind":"folder","name":"/x"}}` + "\n"
	for _, tt := range []struct {
		name, in string
		left     int
		fails    bool
	}{
		{"a last line cut short is ignored", run + rec + `{"verb":"rec`, 1, false},
		{"one in the middle, too", run + `{"verb":"rec` + "\n" + rec, 1, false},
		{"a broken line is an error", run + `{"verb":record}` + "\n" + rec, 0, true},
		{"as is the last line", run + `{"verb":record}` + "\n", 0, true},
		{"as are two in one", run + `{"verb":"rec` + rec, 0, true},
		{"an empty file is an error", "", 0, true},
		{"an unknown verb is an error", run + `{"verb":"burn"}` + "\n", 0, true},
		{"a record without an object is an error", run + `{"verb":"record"}` + "\n", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Read(strings.NewReader(tt.in))
			if (err != nil) != tt.fails || len(c.Left) < tt.left {
				t.Errorf("got %d left, error %v", len(c.Left), err)
			}
		})
	}
}

func TestManyWritersInterleaveWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	j, err := Create(path, Run{ID: "r"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			f, err := Open(path, "w")
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for range each {
				if err := f.Record(sdk.Object{Kind: "folder", Name: strings.Repeat("x", 100*w+1)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c, err := ReadFile(path)
	if err != nil || len(c.Left) != writers*each {
		t.Errorf("got %d entries, want %d; error %v", len(c.Left), writers*each, err)
	}
}

func TestALineThatAFullDiskCutShortSpoilsNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	j, err := Create(path, Run{ID: "r"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := j.f.WriteString("\n" + `{"verb":"record","object":{"kind":"fol`); err != nil {
		t.Fatal(err)
	}
	folder := sdk.Object{Kind: "folder", Name: "/x"}
	if err := j.Record(folder); err != nil {
		t.Fatal(err)
	}
	c, err := ReadFile(path)
	if err != nil || len(c.Left) != 1 || c.Left[0].Object.Name != "/x" {
		t.Errorf("got %+v, %v", c.Left, err)
	}
}

func TestAnEntryThatCouldNotBeReadBackIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	j, err := Create(path, Run{ID: "r"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.Record(sdk.Object{Kind: "table", Name: strings.Repeat("x", maxLine)}); err == nil {
		t.Error("it was accepted")
	}
	// The longest that is accepted is read back.
	long := maxLine
	for j.Record(sdk.Object{Kind: "table", Name: strings.Repeat("x", long)}) != nil {
		long--
	}
	if c, err := ReadFile(path); err != nil || len(c.Left) != 1 || len(c.Left[0].Object.Name) != long {
		t.Errorf("%d entries are left, %v", len(c.Left), err)
	}
}

func TestTheEmptyJournalKeepsNothing(t *testing.T) {
	j, err := Open("", "db")
	if err != nil || j.Record(sdk.Object{Kind: "table", Name: "t"}) != nil || j.Close() != nil {
		t.Error("the empty journal failed")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent"), "db"); err == nil {
		t.Error("an absent journal was opened")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"verb":"run","run":{"id":"r"}}` + "\n" + `{"verb":"record","object":{"kind":"folder","name":"/x"}}` + "\n"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(strings.NewReader(string(b)))
		if err == nil && c.Run.ID == "" {
			t.Error("accepted a journal without a run")
		}
	})
}
