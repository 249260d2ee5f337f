package wire

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// PrepareToProto makes the request that sets up benchmark b under the
// session's name. Journal and Log stay behind: the plugin has its own.
func PrepareToProto(session, benchmark string, r sdk.SetupRequest) (*pluginv1.PrepareRequest, error) {
	params, err := json.Marshal(r.Params)
	if err != nil {
		return nil, fmt.Errorf("parameters of %s: %w", r.ID, err)
	}
	return &pluginv1.PrepareRequest{
		Session: session, Benchmark: benchmark, Id: r.ID, RunId: r.RunID, Params: params,
		Target: TargetToProto(r.Target), Seed: r.Seed, MaxWorkers: uint32(r.MaxWorkers),
		OpTimeout: durationpb.New(r.Timeout), Dir: r.Dir, KeepData: r.KeepData,
	}, nil
}

// PrepareFromProto reads that request.
func PrepareFromProto(r *pluginv1.PrepareRequest) (sdk.SetupRequest, error) {
	out := sdk.SetupRequest{
		ID: r.GetId(), RunID: r.GetRunId(), Target: TargetFromProto(r.GetTarget()), Seed: r.GetSeed(),
		MaxWorkers: int(r.GetMaxWorkers()), Timeout: r.GetOpTimeout().AsDuration(), Dir: r.GetDir(), KeepData: r.GetKeepData(),
	}
	if len(r.GetParams()) > 0 {
		if err := json.Unmarshal(r.GetParams(), &out.Params); err != nil {
			return out, fmt.Errorf("parameters of %s: %w", out.ID, err)
		}
	}
	return out, nil
}

// TargetToProto and TargetFromProto translate a target.
func TargetToProto(t sdk.Target) *pluginv1.Target {
	return &pluginv1.Target{
		Name: t.Name, Kind: t.Kind, Reference: t.Reference, Url: t.URL, Grpc: t.GRPC,
		Dsn: t.DSN, ApiKey: t.APIKey, Headers: t.Headers,
	}
}

// TargetFromProto is the inverse of [TargetToProto].
func TargetFromProto(t *pluginv1.Target) sdk.Target {
	return sdk.Target{
		Name: t.GetName(), Kind: t.GetKind(), Reference: t.GetReference(), URL: t.GetUrl(), GRPC: t.GetGrpc(),
		DSN: t.GetDsn(), APIKey: t.GetApiKey(), Headers: t.GetHeaders(),
	}
}

// InfoToProto translates what a session says of itself.
func InfoToProto(i sdk.SessionInfo) *pluginv1.PrepareResponse {
	out := &pluginv1.PrepareResponse{Provenance: notes(i.Provenance), WorkloadDigest: text(i.WorkloadDigest)}
	for _, f := range i.Figures {
		out.Figures = append(out.Figures, &pluginv1.Figure{Name: text(f.Name), Unit: text(f.Unit), Value: f.Value})
	}
	return out
}

// InfoFromProto reads what foreign code says of a session: figures without a
// name and values that are not finite are errors.
func InfoFromProto(r *pluginv1.PrepareResponse) (sdk.SessionInfo, error) {
	out := sdk.SessionInfo{Provenance: r.GetProvenance(), WorkloadDigest: r.GetWorkloadDigest()}
	for _, f := range r.GetFigures() {
		if f.GetName() == "" || !finite(f.GetValue()) {
			return sdk.SessionInfo{}, fmt.Errorf("figure %q is %v: want a name and a finite value", f.GetName(), f.GetValue())
		}
		out.Figures = append(out.Figures, sdk.Figure{Name: f.GetName(), Unit: f.GetUnit(), Value: f.GetValue()})
	}
	return out, nil
}

// ObjectsToProto translates journalled objects.
func ObjectsToProto(objects []sdk.Object) []*pluginv1.Object {
	out := make([]*pluginv1.Object, 0, len(objects))
	for _, o := range objects {
		out = append(out, &pluginv1.Object{Kind: o.Kind, Name: o.Name, Attrs: o.Attrs})
	}
	return out
}

// ObjectsFromProto is the inverse of [ObjectsToProto].
func ObjectsFromProto(objects []*pluginv1.Object) []sdk.Object {
	out := make([]sdk.Object, 0, len(objects))
	for _, o := range objects {
		out = append(out, sdk.Object{Kind: o.GetKind(), Name: o.GetName(), Attrs: o.GetAttrs()})
	}
	return out
}
