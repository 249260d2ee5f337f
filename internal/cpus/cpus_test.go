package cpus

import (
	"runtime"
	"strings"
	"testing"
)

func TestListsAreReadAndWrittenInTheirShortestForm(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "1-3": "1-3", "3,1,2": "1-3", "0,2-4,3": "0,2-4", "0-0": "0", " 5 , 7 ": "5,7", "1023": "1023", "0,1": "0-1",
	} {
		s, err := Parse(text)
		if err != nil || s.String() != want {
			t.Errorf("Parse(%q) = %s, %v; want %s", text, s, err, want)
		}
	}
}

func TestListsThatMeanNothingAreRefusedWithWhatIsWanted(t *testing.T) {
	for text, part := range map[string]string{
		"5-2": "want 2-5", "": "such as 0,2-4", "a": `"a" is no CPU`, "1024": "0 to 1023", "-1": "is no CPU", "1-": "is no CPU",
		"1,,2": "is no CPU", "0x1": "is no CPU", "+1": "is no CPU", "1-2-3": "is no CPU", "99999999999999999999": "is no CPU",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Parse(%q): %v, want one line with %q", text, err, part)
		}
	}
}

func TestSetsAreSubtractedAndIntersected(t *testing.T) {
	a, b := Set{0, 1, 2, 5}, Set{1, 2, 3}
	if got := a.Without(b).String(); got != "0,5" {
		t.Errorf("without: %s", got)
	}
	if got := a.Shared(b).String(); got != "1-2" {
		t.Errorf("shared: %s", got)
	}
	if got := a.Shared(Set{9}); len(got) != 0 {
		t.Errorf("shared with none: %v", got)
	}
}

func TestAThreadIsPinnedAndGetsBackWhatItHad(t *testing.T) {
	all, err := Allowed()
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	one := Set{all[len(all)-1]}
	undo, err := one.Pin()
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := Of(0); now.String() != one.String() {
		t.Errorf("pinned to %s, may use %s", one, now)
	}
	undo()
	if now, _ := Of(0); now.String() != all.String() {
		t.Errorf("afterwards it may use %s, before %s", now, all)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "1-3", "0,2-4", "5-2", "", "1023", "-", ",", "0-1023,7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q is read as %s, which is read as %s (%v)", text, s, again, err)
		}
		for i, n := range s {
			if n < 0 || n >= Most || i > 0 && n <= s[i-1] {
				t.Errorf("%q gives %v", text, []int(s))
			}
		}
	})
}
