package runflow

import (
	"context"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// An identified is a pointer to an object of the API that has an ID.
type identified[T any] interface {
	*T
	identity() string
}

// doIdentified is like do, but refuses a response without an ID: it is not the
// object that was requested, whatever its status says.
func doIdentified[T any, P identified[T]](ctx context.Context, s *service, e *endpoint.Endpoint, r request, opts []CallOption) (*T, error) {
	value := new(T)
	if err := s.call(ctx, e, r, identifiedObject[T, P]{value}, opts); err != nil {
		return nil, err
	}
	return value, nil
}

// An identifiedObject is a result that must have an ID.
type identifiedObject[T any, P identified[T]] struct{ value *T }

func (o identifiedObject[T, P]) decode(ctx context.Context, _ *settings, body []byte) error {
	if err := codec.Unmarshal(ctx, body, o.value); err != nil || P(o.value).identity() != "" {
		return err
	}
	return &DecodeError{Field: "id", Err: errNoText}
}
