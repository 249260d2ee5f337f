package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/jhump/protoreflect/v2/grpcreflect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/benchharness/harness/sdk"
)

// methodInfo describes a method, and where the description is from.
type methodInfo struct {
	desc   protoreflect.MethodDescriptor
	types  *dynamicpb.Types // of the method's file and its imports, for google.protobuf.Any
	source string           // "reflection" or "proto_files"
}

// describeMethod finds a method in the given .proto files, or by asking the
// server.
func describeMethod(ctx context.Context, p grpcParams, conn grpc.ClientConnInterface) (*methodInfo, error) {
	service, method, err := splitMethod(p.Method)
	if err != nil {
		return nil, err
	}
	info := &methodInfo{source: "proto_files"}
	var sd protoreflect.ServiceDescriptor
	if len(p.ProtoFiles) > 0 {
		sd, err = serviceInFiles(ctx, p, service)
	} else {
		info.source = "reflection"
		sd, err = serviceByReflection(ctx, conn, service)
	}
	if err != nil {
		return nil, err
	}
	info.desc = sd.Methods().ByName(protoreflect.Name(method))
	if info.desc == nil {
		return nil, sdk.BadParam("method", "names no method of %s; it has: %s", service, methodNames(sd))
	}
	files := new(protoregistry.Files)
	if err := register(files, sd.ParentFile()); err != nil {
		return nil, fmt.Errorf("read the description of %s: %w", service, err)
	}
	info.types = dynamicpb.NewTypes(files)
	return info, nil
}

func methodNames(sd protoreflect.ServiceDescriptor) string {
	var names []string
	for i := range sd.Methods().Len() {
		names = append(names, string(sd.Methods().Get(i).Name()))
	}
	return strings.Join(names, ", ")
}

// register adds a file and all that it imports.
func register(files *protoregistry.Files, f protoreflect.FileDescriptor) error {
	if _, err := files.FindFileByPath(f.Path()); err == nil {
		return nil
	}
	for i := range f.Imports().Len() {
		imported := f.Imports().Get(i)
		if imported.IsPlaceholder() {
			continue
		}
		if err := register(files, imported.FileDescriptor); err != nil {
			return err
		}
	}
	return files.RegisterFile(f)
}

// serviceInFiles compiles the .proto files.
func serviceInFiles(ctx context.Context, p grpcParams, service string) (protoreflect.ServiceDescriptor, error) {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(
		&protocompile.SourceResolver{ImportPaths: p.ImportPaths})}
	files, err := compiler.Compile(ctx, p.ProtoFiles...)
	if err != nil {
		return nil, sdk.BadParam("proto_files", "cannot be compiled: %v", err)
	}
	var known []string
	for _, f := range files {
		for i := range f.Services().Len() {
			sd := f.Services().Get(i)
			if string(sd.FullName()) == service {
				return sd, nil
			}
			known = append(known, string(sd.FullName()))
		}
	}
	return nil, sdk.BadParam("method", "names service %s, which proto_files do not hold; they hold: %s", service, strings.Join(known, ", "))
}

// serviceByReflection asks the server for its description.
func serviceByReflection(ctx context.Context, conn grpc.ClientConnInterface, service string) (protoreflect.ServiceDescriptor, error) {
	client := grpcreflect.NewClientAuto(ctx, descriptionConn{conn})
	defer client.Reset()
	d, err := client.AsResolver().FindDescriptorByName(protoreflect.FullName(service))
	if err == nil {
		if sd, ok := d.(protoreflect.ServiceDescriptor); ok {
			return sd, nil
		}
		return nil, sdk.BadParam("method", "names %s, which is no service", service)
	}
	known, listErr := client.ListServices()
	if listErr == nil {
		names := make([]string, len(known))
		for i, n := range known {
			names[i] = string(n)
		}
		if slices.Contains(names, service) {
			return nil, fmt.Errorf("ask for the description of %s: %w", service, err)
		}
		return nil, sdk.BadParam("method", "names service %s, which the server does not have; it has: %s", service, strings.Join(names, ", "))
	}
	if status.Code(listErr) == codes.Unimplemented {
		return nil, errNoReflection
	}
	return nil, sdk.Classify("grpc_"+strings.ToLower(codeName(status.Code(listErr))), fmt.Errorf("ask for reflection: %w", listErr))
}

// descriptionConn is a connection whose streams are not bound by max_body: that
// is a limit of the method's replies, not of the server's description.
type descriptionConn struct{ grpc.ClientConnInterface }

// NewStream begins a stream.
func (c descriptionConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.ClientConnInterface.NewStream(ctx, desc, method, append(opts, grpc.MaxCallRecvMsgSize(defaultMaxBody))...)
}

var errNoReflection = errors.New("the server has no reflection")
