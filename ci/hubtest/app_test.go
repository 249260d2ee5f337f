package hubtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// jwt makes an App's token by hand.
func jwt(t *testing.T, key *rsa.PrivateKey, alg string, claims obj) string {
	t.Helper()
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString([]byte(body(v))) }
	text := part(obj{"alg": alg, "typ": "JWT"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func driveApp(t *testing.T, s *Server, hub client) {
	t.Helper()
	key := newKey(t)
	s.AddApp(App{ID: 4, Installation: 40, Slug: "bench-bot", Key: &key.PublicKey, Permissions: map[string]string{"checks": "write", "issues": "write"}})
	now := time.Now().Unix()
	app := hub.as(jwt(t, key, "RS256", obj{"iss": "4", "iat": now - 60, "exp": now + 300}))
	app.want(200, "GET", "/app", "", "bench-bot")
	app.want(200, "GET", "/app/installations/40", "")
	app.want(200, "GET", here+"/installation", "", `"id":40`)
	app.want(404, "POST", "/app/installations/41/access_tokens", "")
	app.want(422, "POST", "/app/installations/40/access_tokens", `{"permissions":{"contents":"write"}}`, "not granted")
	made := app.want(201, "POST", "/app/installations/40/access_tokens", "", "ghs_")
	var v struct{ Token string }
	if err := json.Unmarshal([]byte(made), &v); err != nil {
		t.Fatal(err)
	}
	hub.as(v.Token).want(201, "POST", here+"/issues/7/comments", `{"body":"as an App"}`, "bench-bot[bot]")
	hub.as(v.Token).want(403, "POST", here+"/statuses/"+SHA("first"), `{"state":"success"}`)
}

func TestAnAppsTokenIsChecked(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, hub := inside(t, Options{Now: func() time.Time { return now }})
	key, other, unix := newKey(t), newKey(t), now.Unix()
	s.AddApp(App{ID: 4, Installation: 40, Slug: "bench-bot", Key: &key.PublicKey})
	for _, tt := range []struct {
		name, token string
		status      int
		words       string
	}{
		{"good", jwt(t, key, "RS256", obj{"iss": "4", "iat": unix, "exp": unix + 600}), 200, ""},
		{"issuer as a number", jwt(t, key, "RS256", obj{"iss": 4, "iat": unix, "exp": unix + 600}), 200, ""},
		{"another key", jwt(t, other, "RS256", obj{"iss": "4", "iat": unix, "exp": unix + 600}), 401, "could not be decoded"},
		{"another algorithm", jwt(t, key, "none", obj{"iss": "4", "iat": unix, "exp": unix + 600}), 401, "could not be decoded"},
		{"unknown App", jwt(t, key, "RS256", obj{"iss": "5", "iat": unix, "exp": unix + 600}), 401, "Integration not found"},
		{"from the future", jwt(t, key, "RS256", obj{"iss": "4", "iat": unix + 1, "exp": unix + 600}), 401, "('iat')"},
		{"over", jwt(t, key, "RS256", obj{"iss": "4", "iat": unix - 600, "exp": unix}), 401, "('exp')"},
		{"too long", jwt(t, key, "RS256", obj{"iss": "4", "iat": unix, "exp": unix + 601}), 401, "too far in the future"},
		{"no JWT", "t-bot", 401, "could not be decoded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hub.t = t
			hub.as(tt.token).want(tt.status, "GET", "/app", "", tt.words)
		})
	}
}

func TestAnInstallationsTokenEnds(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, hub := inside(t, Options{Now: func() time.Time { return now }})
	key := newKey(t)
	s.AddApp(App{ID: 4, Installation: 40, Slug: "bench-bot", Key: &key.PublicKey, Permissions: map[string]string{"issues": "write"}})
	app := hub.as(jwt(t, key, "RS256", obj{"iss": "4", "iat": now.Unix(), "exp": now.Unix() + 600}))
	made := app.want(201, "POST", "/app/installations/40/access_tokens", "", now.Add(time.Hour).Format(time.RFC3339))
	_, rest, _ := strings.Cut(made, `"token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	hub.as(token).want(200, "GET", here+"/pulls/7", "")
	now = now.Add(time.Hour)
	hub.as(token).want(401, "GET", here+"/pulls/7", "", "Bad credentials")
}
