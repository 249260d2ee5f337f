package actiontest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// scope is what expressions of an action and its workflows can name: values by
// path, such as inputs.suite, and whether a step before has failed.
type scope struct {
	values map[string]string
	failed bool
}

// Tokens of GitHub's expressions, as far as they are used here. Anything else is
// an error, so that nothing is understood in another way than GitHub's.
var token = regexp.MustCompile(`^\s*(?:('(?:[^']|'')*')|([A-Za-z_][\w.-]*)|(==|!=|&&|\|\||!|\(|\)))`)

var span = regexp.MustCompile(`\$\{\{(.*?)\}\}`)

// expand replaces every ${{ … }} of a text.
func (s scope) expand(text string) (string, error) {
	var failed error
	out := span.ReplaceAllStringFunc(text, func(m string) string {
		v, err := s.eval(span.FindStringSubmatch(m)[1])
		if err != nil {
			failed = err
		}
		return v
	})
	return out, failed
}

// condition is the truth of an if. As on GitHub, it is false after a failure
// unless it asks for the state itself.
func (s scope) condition(text string) (bool, error) {
	text = strings.TrimSpace(text)
	if m := span.FindStringSubmatch(text); m != nil && m[0] == text {
		text = m[1]
	}
	if text == "" {
		text = "success()"
	}
	v, err := s.eval(text)
	asks := regexp.MustCompile(`\b(always|failure|success|cancelled)\(\)`).MatchString(text)
	return truth(v) && (asks || !s.failed), err
}

func truth(v string) bool { return v != "" && v != "false" && v != "0" }

// eval gives the value of an expression as text: true and false for conditions.
func (s scope) eval(text string) (string, error) {
	p := &parser{scope: s}
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := token.FindString(rest)
		if m == "" {
			return "", fmt.Errorf("expression %q: the tests do not know %q", text, rest)
		}
		p.tokens = append(p.tokens, strings.TrimSpace(m))
		rest = rest[len(m):]
	}
	v := p.or()
	if p.err == nil && len(p.tokens) > 0 {
		p.err = fmt.Errorf("%q is too much", p.tokens[0])
	}
	if p.err != nil {
		return "", fmt.Errorf("expression %q: %w", text, p.err)
	}
	return v, nil
}

type parser struct {
	scope
	tokens []string
	err    error
}

func (p *parser) take(want string) bool {
	if len(p.tokens) > 0 && p.tokens[0] == want {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser) or() string {
	v := p.and()
	for p.take("||") {
		if w := p.and(); !truth(v) {
			v = w
		}
	}
	return v
}

func (p *parser) and() string {
	v := p.equal()
	for p.take("&&") {
		if w := p.equal(); truth(v) {
			v = w
		}
	}
	return v
}

func (p *parser) equal() string {
	v := p.unary()
	switch {
	case p.take("=="):
		v = fmt.Sprint(strings.EqualFold(v, p.unary()))
	case p.take("!="):
		v = fmt.Sprint(!strings.EqualFold(v, p.unary()))
	}
	return v
}

func (p *parser) unary() string {
	if p.take("!") {
		return fmt.Sprint(!truth(p.unary()))
	}
	if p.take("(") {
		v := p.or()
		if !p.take(")") {
			p.err = fmt.Errorf("a ) is missing")
		}
		return v
	}
	if len(p.tokens) == 0 {
		p.err = fmt.Errorf("it ends too early")
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	if strings.HasPrefix(t, "'") {
		return strings.ReplaceAll(t[1:len(t)-1], "''", "'")
	}
	if p.take("(") {
		if !p.take(")") {
			p.err = fmt.Errorf("%s() takes no arguments here", t)
		}
		return p.function(t)
	}
	if strings.Trim(t, "=!&|()") == "" {
		p.err = fmt.Errorf("%q is not a value", t)
		return ""
	}
	if t == "true" || t == "false" {
		return t
	}
	v, known := p.values[t]
	if !known && !strings.HasPrefix(t, "steps.") && !strings.HasPrefix(t, "github.event.") { // those may be empty
		p.err = fmt.Errorf("nothing is called %s", t)
	}
	return v
}

func (p *parser) function(name string) string {
	switch name {
	case "always":
		return "true"
	case "success":
		return fmt.Sprint(!p.failed)
	case "failure":
		return fmt.Sprint(p.failed)
	case "cancelled":
		return "false"
	}
	p.err = fmt.Errorf("the tests do not know %s()", name)
	return ""
}

func TestExpressionsMeanWhatTheyMeanOnGitHub(t *testing.T) {
	s := scope{values: map[string]string{"inputs.a": "x", "inputs.empty": "", "inputs.no": "false", "inputs.x-y": "1"}}
	failed := scope{values: s.values, failed: true}
	for _, tt := range []struct {
		scope scope
		text  string
		want  bool
	}{
		{s, "", true},
		{failed, "", false},
		{failed, "inputs.a == 'x'", false},
		{failed, "always() && inputs.a == 'X'", true},
		{failed, "!cancelled() && inputs.a", true},
		{failed, "failure()", true},
		{s, "${{ inputs.empty || inputs.x-y == '1' }}", true},
		{s, "inputs.a != 'x' || inputs.empty", false},
		{s, "!(inputs.a && inputs.no == 'false')", false},
		{s, "inputs.a == 'it''s'", false},
	} {
		if got, err := tt.scope.condition(tt.text); err != nil || got != tt.want {
			t.Errorf("%q after failure %v: %v, %v; want %v", tt.text, tt.scope.failed, got, err, tt.want)
		}
	}
	if got, err := s.expand("a ${{ inputs.a }}-${{ inputs.empty || 'd' }}"); got != "a x-d" || err != nil {
		t.Errorf("expand: %q, %v", got, err)
	}
	for _, bad := range []string{"inputs.unknown", "contains(inputs.a, 'x')", "inputs.a ==", "(inputs.a", "inputs.a inputs.a", "inputs.a[0]"} {
		if v, err := s.eval(bad); err == nil {
			t.Errorf("%q is %q; want an error", bad, v)
		}
	}
}
