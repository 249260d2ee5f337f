package sdktest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/sdktest"
)

func TestAGoodPluginPassesInProcess(t *testing.T) {
	sdktest.Run(t, subject("good"))
}

func TestAGoodPluginPassesAsAProgram(t *testing.T) {
	sdktest.Binary(t, []string{os.Args[0], "act", "good"}, sdktest.WithTarget(sdk.Target{Kind: "moon"}))
}

const envRole = "SDKTEST_ROLE"

// TestAsAProgram is the inner test of the one below.
func TestAsAProgram(t *testing.T) {
	role := os.Getenv(envRole)
	if role == "" {
		t.Skip("runs inside TestTheSuiteFindsWhatIsWrong")
	}
	sdktest.Binary(t, []string{os.Args[0], "act", role}, sdktest.WithBound(time.Second))
}

func TestTheSuiteFindsWhatIsWrong(t *testing.T) {
	for role, wants := range map[string][]string{
		"leaves a child":    {"ends_on_SIGTERM,_and_has_printed_its_handshake_and_no_more"},
		"forgets an object": {"removes_all_that_it_journalled", "ends_with_its_harness_in_mid-round,_and_removes_all_that_it_journalled"},
		"half asleep":       {"benchmark_waits/reports_5_ms_for_an_op_that_sleeps_5_ms"},
		"in other units":    {"benchmark_work/runs_preset_one/a_closed_loop_of_a_few_ops", "benchmark_waits/reports_5_ms_for_an_op_that_sleeps_5_ms"},
		"prints":            {"ends_on_SIGTERM,_and_has_printed_its_handshake_and_no_more"},
		"unstable":          {"explains_itself_to_a_person_who_starts_it", "describes_itself_validly_and_always_alike"},
		"liar": {
			"refuses_a_benchmark_that_it_does_not_have",
			"benchmark_work/refuses_an_unknown_parameter",
			"benchmark_work/refuses_to_go_without_label",
			"benchmark_work/refuses_size_of_the_wrong_type",
			"benchmark_work/refuses_size_below_its_least_value",
			"benchmark_work/refuses_size_above_its_greatest_value",
			"benchmark_work/refuses_a_choice_of_mode_that_is_none",
			"benchmark_work/refuses_pause_below_its_least_value",
			"benchmark_work/runs_preset_one/a_closed_loop_of_a_few_ops",
			"benchmark_work/runs_preset_Two-2/a_short_open_loop",
			"benchmark_work/runs_preset_one/a_round_that_is_cancelled,_to_its_prompt_end",
			"benchmark_work/runs_preset_one/and_refuses_a_round_after_that",
		},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestAsAProgram$", "-test.v")
			cmd.Env = append(os.Environ(), envRole+"="+role)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite found nothing:\n%s", out)
			}
			for _, want := range wants {
				if !strings.Contains(string(out), "--- FAIL: TestAsAProgram/"+want+" ") {
					t.Errorf("the suite did not fail %s", want)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
