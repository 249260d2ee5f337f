package install

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// actionsIssuer vouches for workflows of GitHub.
const actionsIssuer = "https://token.actions.githubusercontent.com"

// errNoCosign says that a signature is there and nobody to check it.
var errNoCosign = errors.New("the program cosign is not installed")

// verifyBundle has cosign (2.4.2 or newer) check a sigstore bundle: that a
// workflow of the repository signed the file, on whatever branch or tag.
func verifyBundle(ctx context.Context, cosign, repo, file, bundle string) error {
	if cosign == "" {
		var err error
		if cosign, err = exec.LookPath("cosign"); err != nil {
			return errNoCosign
		}
	}
	cmd := exec.CommandContext(ctx, cosign, "verify-blob", "--bundle", bundle,
		"--certificate-oidc-issuer", actionsIssuer,
		"--certificate-identity-regexp", "^https://github\\.com/"+regexp.QuoteMeta(repo)+"/\\.github/workflows/",
		file)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("its signature is not one of a workflow of github.com/%s: cosign says %s", repo, lastLine(string(out), err))
	}
	return nil
}

func lastLine(out string, err error) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return shown(last)
	}
	return err.Error()
}
