package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/benchharness/harness/ci/hubtest"
)

// hubKey is the key of a script's GitHub.
type hubKey struct{}

// cmdHub starts a GitHub for a script, or has something happen there:
//
//	hub [--prefix=PATH] FILE        start it with the state in FILE; its API is GITHUB_API_URL
//	hub key FILE                    write a new private key of an App
//	hub push REPO NUMBER TEXT       move a pull request's head to the commit that TEXT makes
//	hub close REPO NUMBER           close a pull request
//	hub put REPO BRANCH NAME FILE   write a file on a branch
//	hub upload REPO RUN NAME DIR…   leave the files of folders as an artifact of a run; DIR=PREFIX puts them below PREFIX
//	hub fault "METHOD PATH" KIND [applied]   put a fault in the way of a request
//	hub dump                        print pull requests, comments, checks and statuses
//	hub calls                       print the requests since the last time
//	hub forget                      begin to count requests anew
//
// A commit that is named by a text is what hubtest.SHA makes of it.
func cmdHub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: hub FILE | push | close | put | upload | fault | dump | calls | forget | key")
	}
	h, _ := ts.Value(hubKey{}).(*scriptHub)
	if h == nil {
		ts.Fatalf("the script was not set up for hub")
	}
	if f, ok := hubActions[args[0]]; ok {
		if h.server == nil && args[0] != "key" {
			ts.Fatalf("no GitHub is there: hub FILE starts one")
		}
		f(ts, h, args[1:])
		return
	}
	prefix := ""
	if p, ok := strings.CutPrefix(args[0], "--prefix="); ok {
		prefix, args = p, args[1:]
	}
	h.start(ts, prefix, args[0])
}

// scriptHub is the GitHub of one script.
type scriptHub struct {
	server *hubtest.Server
	seen   int // requests that were printed or forgotten
}

func (h *scriptHub) start(ts *testscript.TestScript, prefix, file string) {
	h.server = hubtest.New(hubtest.Options{State: ts.ReadFile(file), Dir: ts.MkAbs("."), Prefix: prefix})
	ts.Check(h.server.Listen())
	ts.Defer(func() {
		h.server.Close()
		for _, v := range h.server.Violations() {
			ts.Logf("GitHub's API description: %s", v)
			ts.Value(scriptT{}).(interface{ FailNow() }).FailNow()
		}
	})
	ts.Setenv("GITHUB_API_URL", h.server.URL())
}

var hubActions = map[string]func(*testscript.TestScript, *scriptHub, []string){
	"push": func(ts *testscript.TestScript, h *scriptHub, args []string) {
		h.server.Push(args[0], number(ts, args[1]), hubtest.SHA(args[2]))
	},
	"close": func(ts *testscript.TestScript, h *scriptHub, args []string) {
		h.server.ClosePull(args[0], number(ts, args[1]), false)
	},
	"put": func(ts *testscript.TestScript, h *scriptHub, args []string) {
		h.server.Put(args[0], args[1], args[2], []byte(ts.ReadFile(args[3])))
	},
	"upload": func(ts *testscript.TestScript, h *scriptHub, args []string) {
		files := map[string]string{}
		for _, dir := range args[3:] {
			dir, prefix, _ := strings.Cut(dir, "=")
			entries, err := os.ReadDir(ts.MkAbs(dir))
			ts.Check(err)
			for _, e := range entries {
				if e.Type().IsRegular() {
					files[prefix+e.Name()] = ts.ReadFile(dir + "/" + e.Name())
				}
			}
		}
		h.server.Upload(args[0], int64(number(ts, args[1])), args[2], hubtest.Zip(files))
	},
	"fault": func(_ *testscript.TestScript, h *scriptHub, args []string) {
		h.server.Inject(hubtest.Fault{On: args[0], Kind: hubtest.Kind(args[1]), Applied: len(args) > 2, Times: -1})
	},
	"heal": func(_ *testscript.TestScript, h *scriptHub, _ []string) { h.server.Heal() },
	"dump": func(ts *testscript.TestScript, h *scriptHub, _ []string) { fmt.Fprint(ts.Stdout(), h.server.Dump()) },
	"calls": func(ts *testscript.TestScript, h *scriptHub, _ []string) {
		calls := h.server.Calls()
		for _, c := range calls[h.seen:] {
			fmt.Fprintln(ts.Stdout(), c.String())
		}
		h.seen = len(calls)
	},
	"forget": func(_ *testscript.TestScript, h *scriptHub, _ []string) { h.seen = len(h.server.Calls()) },
	"key": func(ts *testscript.TestScript, _ *scriptHub, args []string) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		ts.Check(err)
		block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(block), 0o600))
	},
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// cmdEvent writes the payload of an event and sets the environment of a job:
//
//	event pull_request REPO NUMBER HEAD BASE RUN      HEAD is OWNER:BRANCH:TEXT
//	event workflow_run REPO RUN HEAD BY THIS          the run that is over, what started it, and this run
//	event none                                        no job
func cmdEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: event pull_request|workflow_run|none …")
	}
	set := func(kv ...string) {
		for i := 0; i < len(kv); i += 2 {
			ts.Setenv(kv[i], kv[i+1])
		}
	}
	if args[0] == "none" {
		for _, name := range actionsVariables {
			ts.Setenv(name, "")
		}
		return
	}
	repo := args[1]
	owner, repoName, _ := strings.Cut(repo, "/")
	summary, output := ts.MkAbs("step-summary.md"), ts.MkAbs("step-output")
	for _, file := range []string{summary, output} {
		ts.Check(os.WriteFile(file, nil, 0o644))
	}
	set("GITHUB_ACTIONS", "true", "GITHUB_EVENT_NAME", args[0], "GITHUB_REPOSITORY", repo, "GITHUB_SERVER_URL", "https://github.test",
		"GITHUB_RUN_ATTEMPT", "1", "GITHUB_STEP_SUMMARY", summary, "GITHUB_OUTPUT", output, "GITHUB_EVENT_PATH", ts.MkAbs("event.json"))
	type obj = map[string]any
	repository := obj{"name": repoName, "full_name": repo, "owner": obj{"login": owner}, "default_branch": "main", "fork": false}
	head := func(text string) (sha, branch string, from obj) {
		parts := strings.SplitN(text, ":", 3)
		return hubtest.SHA(parts[2]), parts[1], obj{"name": repoName, "full_name": parts[0] + "/" + repoName, "owner": obj{"login": parts[0]}, "fork": parts[0] != owner}
	}
	var payload obj
	switch args[0] {
	case "pull_request":
		sha, branch, from := head(args[3])
		login := from["owner"]
		payload = obj{"action": "synchronize", "number": number(ts, args[2]), "repository": repository, "pull_request": obj{
			"number": number(ts, args[2]), "state": "open",
			"head": obj{"ref": branch, "sha": sha, "repo": from, "user": login},
			"base": obj{"ref": "main", "sha": hubtest.SHA(args[4]), "repo": repository, "user": obj{"login": owner}},
		}}
		set("GITHUB_RUN_ID", args[5], "GITHUB_SHA", hubtest.SHA("merge of "+args[3]), "GITHUB_REF", "refs/pull/"+args[2]+"/merge")
	case "workflow_run":
		sha, branch, from := head(args[3])
		payload = obj{"action": "completed", "repository": repository, "workflow": obj{"name": "bench"}, "workflow_run": obj{
			"id": number(ts, args[2]), "run_attempt": 1, "name": "bench", "event": args[4], "conclusion": "success", "status": "completed",
			"head_sha": sha, "head_branch": branch, "head_repository": from, "repository": repository, "pull_requests": []any{},
		}}
		set("GITHUB_RUN_ID", args[5], "GITHUB_SHA", hubtest.SHA("main"), "GITHUB_REF", "refs/heads/main")
	default:
		ts.Fatalf("no event of kind %q", args[0])
	}
	var text bytes.Buffer
	ts.Check(json.NewEncoder(&text).Encode(payload))
	ts.Check(os.WriteFile(ts.MkAbs("event.json"), text.Bytes(), 0o644))
}

// actionsVariables are what the environment of a job holds of GitHub's.
var actionsVariables = []string{
	"GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_RUN_ID",
	"GITHUB_RUN_ATTEMPT", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_SHA", "GITHUB_REF",
}

// botVariables are what programs of a script see for the bot.
var botVariables = append([]string{"GITHUB_API_URL", "GITHUB_TOKEN", "HARNESS_GITHUB_TOKEN", "HARNESS_WEBHOOK_URL", "HARNESS_APP_KEY"}, actionsVariables...)
