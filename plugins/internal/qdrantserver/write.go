package qdrantserver

import (
	"context"
	"fmt"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type pointsService struct {
	qdrant.UnimplementedPointsServer
	server *Server
}

// Upsert stores all of the points or, if one of them is wrong, none. They are
// found by searches when it returns, whether it was to wait or not; linking
// goes on behind it.
func (s pointsService) Upsert(_ context.Context, req *qdrant.UpsertPoints) (*qdrant.PointsOperationResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	switch {
	case req.UpdateFilter != nil:
		return nil, unimplemented("upsert with update_filter")
	case req.GetUpdateMode() != qdrant.UpdateMode_Upsert:
		return nil, unimplemented("upsert with update_mode " + req.GetUpdateMode().String())
	case req.ShardKeySelector != nil:
		return nil, unimplemented("shard keys")
	}
	ids, vectors, err := c.check(req.GetPoints())
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.operation++
	op := c.operation
	for i, p := range req.GetPoints() {
		if err = c.put(ids[i], vectors[i], p.GetPayload()); err != nil {
			break
		}
	}
	c.changed()
	c.mu.Unlock()
	if err != nil {
		return nil, status.Errorf(codes.Internal, "Service internal error: %v", err)
	}
	return operationDone(start, op, req.GetWait()), nil
}

// check reads the ids and vectors of points, all of which must be in order.
func (c *collection) check(points []*qdrant.PointStruct) ([]pointID, [][]float32, error) {
	cfg := c.index.Config()
	ids, vectors := make([]pointID, len(points)), make([][]float32, len(points))
	for i, p := range points {
		var err error
		if ids[i], err = parseID(p.GetId()); err != nil {
			return nil, nil, err
		}
		if vectors[i], err = denseVector(p.GetVectors()); err != nil {
			return nil, nil, err
		}
		if err := cfg.Check(vectors[i]); err != nil {
			return nil, nil, vectorError(fmt.Sprintf("point %v", ids[i]), err)
		}
	}
	return ids, vectors, nil
}

func operationDone(start time.Time, op uint64, wait bool) *qdrant.PointsOperationResponse {
	state := qdrant.UpdateStatus_Acknowledged
	if wait {
		state = qdrant.UpdateStatus_Completed
	}
	return &qdrant.PointsOperationResponse{
		Result: &qdrant.UpdateResult{OperationId: &op, Status: state}, Time: time.Since(start).Seconds(),
	}
}

// Delete removes points by id, or those that pass a filter. Ids that are not
// there are passed over.
func (s pointsService) Delete(_ context.Context, req *qdrant.DeletePoints) (*qdrant.PointsOperationResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	var choose func() []uint64
	switch o := req.GetPoints().GetPointsSelectorOneOf().(type) {
	case *qdrant.PointsSelector_Points:
		if _, err := parseIDs(o.Points.GetIds()); err != nil {
			return nil, err
		}
		choose = func() []uint64 { return c.slotsOf(o.Points.GetIds()) }
	case *qdrant.PointsSelector_Filter:
		pass, err := compileFilter(o.Filter)
		if err != nil {
			return nil, err
		}
		choose = func() (slots []uint64) {
			c.passing(o.Filter, pass, func(slot uint64) { slots = append(slots, slot) })
			return slots
		}
	default:
		return nil, status.Error(codes.InvalidArgument, "Wrong input: PointsSelector is missing: want ids or a filter")
	}
	c.mu.Lock()
	c.operation++
	op := c.operation
	for _, slot := range choose() {
		if c.points[slot] != nil { // the same id may be named twice
			c.drop(slot)
		}
	}
	c.changed()
	c.mu.Unlock()
	return operationDone(start, op, req.GetWait()), nil
}

// CreateFieldIndex indexes what is there and what comes. Keywords, UUIDs,
// integers and booleans are then found without looking at every point; for the
// other types the index is shown in the collection's information and a filter
// works as it does without.
func (s pointsService) CreateFieldIndex(_ context.Context, req *qdrant.CreateFieldIndexCollection) (*qdrant.PointsOperationResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	if req.GetFieldName() == "" {
		return nil, status.Error(codes.InvalidArgument, "Validation error in body: [field_name: must not be empty]")
	}
	schema, err := schemaOf(req)
	if err != nil {
		return nil, err
	}
	index := newFieldIndex(req.GetFieldName(), schema, req.GetFieldIndexParams())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operation++
	for slot, p := range c.points {
		if p != nil {
			index.add(uint64(slot), p.payload)
		}
	}
	c.fields[req.GetFieldName()] = index
	return operationDone(start, c.operation, req.GetWait()), nil
}

func schemaOf(req *qdrant.CreateFieldIndexCollection) (qdrant.PayloadSchemaType, error) {
	if req.FieldType != nil {
		switch req.GetFieldType() {
		case qdrant.FieldType_FieldTypeKeyword:
			return qdrant.PayloadSchemaType_Keyword, nil
		case qdrant.FieldType_FieldTypeInteger:
			return qdrant.PayloadSchemaType_Integer, nil
		case qdrant.FieldType_FieldTypeFloat:
			return qdrant.PayloadSchemaType_Float, nil
		case qdrant.FieldType_FieldTypeGeo:
			return qdrant.PayloadSchemaType_Geo, nil
		case qdrant.FieldType_FieldTypeText:
			return qdrant.PayloadSchemaType_Text, nil
		case qdrant.FieldType_FieldTypeBool:
			return qdrant.PayloadSchemaType_Bool, nil
		case qdrant.FieldType_FieldTypeDatetime:
			return qdrant.PayloadSchemaType_Datetime, nil
		case qdrant.FieldType_FieldTypeUuid:
			return qdrant.PayloadSchemaType_Uuid, nil
		}
	}
	switch req.GetFieldIndexParams().GetIndexParams().(type) {
	case *qdrant.PayloadIndexParams_KeywordIndexParams:
		return qdrant.PayloadSchemaType_Keyword, nil
	case *qdrant.PayloadIndexParams_IntegerIndexParams:
		return qdrant.PayloadSchemaType_Integer, nil
	case *qdrant.PayloadIndexParams_FloatIndexParams:
		return qdrant.PayloadSchemaType_Float, nil
	case *qdrant.PayloadIndexParams_GeoIndexParams:
		return qdrant.PayloadSchemaType_Geo, nil
	case *qdrant.PayloadIndexParams_TextIndexParams:
		return qdrant.PayloadSchemaType_Text, nil
	case *qdrant.PayloadIndexParams_BoolIndexParams:
		return qdrant.PayloadSchemaType_Bool, nil
	case *qdrant.PayloadIndexParams_DatetimeIndexParams:
		return qdrant.PayloadSchemaType_Datetime, nil
	case *qdrant.PayloadIndexParams_UuidIndexParams:
		return qdrant.PayloadSchemaType_Uuid, nil
	}
	return 0, status.Error(codes.InvalidArgument, "Wrong input: the index of a field needs field_type or field_index_params")
}

func (s pointsService) DeleteFieldIndex(_ context.Context, req *qdrant.DeleteFieldIndexCollection) (*qdrant.PointsOperationResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operation++
	delete(c.fields, req.GetFieldName())
	return operationDone(start, c.operation, req.GetWait()), nil
}
