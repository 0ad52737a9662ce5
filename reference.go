package runflow

import (
	"context"

	"github.com/runflow-io/runflow-go/internal/codec"
	"github.com/runflow-io/runflow-go/internal/endpoint"
)

// A ReferenceItem is an item of a reference list of the API: a status, an event type,
// a job class or a type of assets. The API does not document the form of the items.
// Code, Name and Description are set if the item has such members, or Code alone if
// the item is a string.
type ReferenceItem struct {
	Code        string `json:"code,omitzero"`
	Name        string `json:"name,omitzero"`
	Description string `json:"description,omitzero"`
	Raw         JSON   `json:"raw,omitzero"` // the whole item
}

// decode decodes an item. It accepts the same items as a list does, except null.
func (i *ReferenceItem) decode(ctx context.Context, _ *settings, body []byte) error {
	var raw JSON
	if err := codec.Unmarshal(ctx, body, &raw); err != nil {
		return err
	}
	return i.set(ctx, raw)
}

// set sets the fields from an item, which is valid JSON of any form.
func (i *ReferenceItem) set(ctx context.Context, item JSON) error {
	i.Code = textOf(item)
	if codec.IsObject(item) {
		if err := codec.Unmarshal(ctx, item, i); err != nil {
			return err
		}
	}
	i.Raw = item
	return nil
}

// references is the result of a call whose response is a reference list.
type references struct{ *Page[ReferenceItem] }

func (r references) decode(ctx context.Context, s *settings, body []byte) error {
	var page Page[JSON]
	if err := page.decodePage(ctx, s.baseURL, 0, body, codec.Unmarshal); err != nil {
		return err
	}
	r.Items, r.Next, r.Previous = make([]ReferenceItem, len(page.Items)), page.Next, page.Previous
	for i, item := range page.Items {
		if err := r.Items[i].set(ctx, item); err != nil {
			return err
		}
	}
	return nil
}

// listReference calls an endpoint whose response is a reference list.
func listReference(ctx context.Context, s *service, e *endpoint.Endpoint, opts []CallOption) (*Page[ReferenceItem], error) {
	page := new(Page[ReferenceItem])
	if err := s.call(ctx, e, request{}, references{page}, opts); err != nil {
		return nil, err
	}
	return page, nil
}

// ListStatuses returns the statuses that a run can have.
//
// Endpoint: GET /v1/runs/statuses (idempotent), see
// https://docs.runflow.io/concepts/runs.
func (s *RunsService) ListStatuses(ctx context.Context, opts ...CallOption) (*Page[ReferenceItem], error) {
	return listReference(ctx, (*service)(s), endpoint.RunsListStatuses, opts)
}
