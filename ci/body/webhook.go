package body

// WebhookSchema is the value of Payload.Schema.
const WebhookSchema = "harness.webhook/v1"

// Payload is the verdict for programs.
type Payload struct {
	Schema   string `json:"schema"`
	Sentence string `json:"sentence"`
}
