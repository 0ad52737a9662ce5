package runflowtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go"
)

const (
	maxBatch       = 100  // inputs of a batch
	maxCallbackURL = 2048 // characters of the callback URL of a batch
)

// FinishBatch makes all runs of a batch take all their remaining steps. It returns the
// batch and whether there is a batch with this ID.
func (s *Server) FinishBatch(id string) (runflow.Batch, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.batches[id]
	if !ok {
		return runflow.Batch{}, false
	}
	for i := range b.Items {
		s.finish(b.Items[i].RunID)
	}
	batch := *b
	batch.Items = slices.Clone(b.Items)
	return batch, true
}

// An itemSummary is a batch item as it appears in its batch.
type itemSummary struct {
	ID            string            `json:"id"`
	SequenceIndex *int              `json:"sequence_index"`
	RunID         string            `json:"run_id"`
	StatusCode    runflow.RunStatus `json:"status_code"`
	ClientRef     string            `json:"client_ref"`
}

// newBatchSchema returns the schema of a batch, which always has its items in short
// form.
func newBatchSchema() *schema {
	s := schemaOf[runflow.Batch]()
	items := s.byName["items"]
	items.isPart, items.schema = false, schemaOf[itemSummary]()
	return s
}

func (s *Server) createBatch(r *http.Request, c caller) (any, *problem) {
	name := r.PathValue("model")
	model, bad := s.findModel(name)
	if bad != nil {
		return nil, bad
	}
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	batch := &runflow.Batch{
		OrgID: c.orgID, TargetType: runflow.TargetTypeModel, TargetTypeCode: runflow.TargetTypeModel, TargetID: model.ID,
		StatusCode: runflow.RunStatusQueued, SourceCode: runflow.RunSourceAPI,
	}
	items, errs := b.batchItems()
	errs = slices.Concat(errs, b.object("metadata", false, &batch.Metadata), b.url("callback_url", &batch.CallbackURL))
	if utf8.RuneCountInString(batch.CallbackURL) > maxCallbackURL {
		errs = append(errs, badField("body", "callback_url", "URL is too long", "url_too_long"))
	}
	if len(errs) > 0 {
		return nil, invalid(errs...)
	}
	for i := range items {
		if bad := s.checkInput(c, items[i].Input); bad != nil {
			return nil, bad
		}
	}
	if bad := s.afford(c, name, len(items)); bad != nil {
		return nil, bad
	}
	batch.ID, batch.CreatedAt = s.newID(), s.tick()
	inputs := make([]runflow.JSON, len(items))
	for i := range items {
		items[i].Input = s.storeInput(c, items[i].Input)
		inputs[i] = items[i].Input
		items[i].ID, items[i].BatchID, items[i].CreatedAt = s.newID(), batch.ID, batch.CreatedAt
		run := s.queue(c, name, runflow.Run{
			ModelID: model.ID, TargetType: runflow.TargetTypeModel, BatchID: batch.ID, Input: items[i].Input, ClientRef: items[i].ClientRef,
		})
		items[i].RunID, items[i].StatusCode = run.id, runflow.RunStatusQueued
	}
	batch.Input, _ = json.Marshal(inputs) // they were decoded
	batch.Items = items
	countItems(batch)
	s.batches[batch.ID] = batch
	object, bad := s.renderBatch(batch, view{})
	return created{object}, bad
}

// batchItems reads the items of a new batch. The label of an item is a member of its
// input, and is removed from it.
func (b body) batchItems() ([]runflow.BatchItem, []fieldError) {
	var inputs []json.RawMessage
	if json.Unmarshal(b["input"], &inputs) != nil || len(inputs) < 1 || len(inputs) > maxBatch {
		return nil, []fieldError{badField("body", "input", fmt.Sprintf("Input should be a list of 1 to %d objects", maxBatch), "list_type")}
	}
	items := make([]runflow.BatchItem, len(inputs))
	var errs []fieldError
	for i, data := range inputs {
		items[i].SequenceIndex, items[i].Input = &i, runflow.JSON(data)
		var input body
		if json.Unmarshal(data, &input) != nil || input == nil {
			errs = append(errs, fieldError{[]string{"body", "input", strconv.Itoa(i)}, "Input should be a valid dictionary", "dict_type"})
			continue
		}
		for _, bad := range input.shortText("client_ref", maxClientRef, &items[i].ClientRef) {
			bad.Loc = []string{"body", "input", strconv.Itoa(i), "client_ref"}
			errs = append(errs, bad)
		}
		if _, given := input["client_ref"]; given {
			delete(input, "client_ref")
			items[i].Input, _ = json.Marshal(input) // it was decoded
		}
	}
	return items, errs
}

// updateBatch updates the batch of a run that has changed.
func (s *Server) updateBatch(run runflow.Run) {
	batch, ok := s.batches[run.BatchID]
	if !ok {
		return
	}
	i := slices.IndexFunc(batch.Items, func(item runflow.BatchItem) bool { return item.RunID == run.ID })
	if i < 0 {
		return
	}
	item := &batch.Items[i]
	item.StatusCode, item.Output, item.Cost = run.StatusCode, run.Output, run.Cost
	item.StartedAt, item.CompletedAt, item.Error = run.StartedAt, run.CompletedAt, nil
	if run.StatusCode == runflow.RunStatusFailed {
		item.Error = runflow.JSON(failureOf(run))
	}
	if batch.StartedAt.IsZero() {
		batch.StartedAt = run.StartedAt
	}
	countItems(batch)
	if batch.StatusCode.IsTerminal() && batch.DurationMS == nil {
		s.endBatch(batch)
	}
}

// endBatch ends a batch whose runs have ended, and delivers its callback.
func (s *Server) endBatch(batch *runflow.Batch) {
	batch.CompletedAt = s.now
	ms := batch.CompletedAt.Sub(batch.CreatedAt).Milliseconds()
	batch.DurationMS = &ms
	if batch.StatusCode == runflow.RunStatusFailed {
		i := slices.IndexFunc(batch.Items, func(item runflow.BatchItem) bool { return item.StatusCode == runflow.RunStatusFailed })
		run, _ := s.runs.get(batch.Items[i].RunID) // the batch has failed only if a run has
		batch.FailureCode, batch.FailureMessage, batch.FailureStageCode = run.FailureCode, run.FailureMessage, run.FailureStageCode
	}
	batch.Output = encodeOutput(batch)
	if batch.CallbackURL != "" {
		s.callBack(batch.OrgID, batch.CallbackURL, s.payloadOfBatch(batch), true)
	}
}

// countItems sets the members of a batch that depend on the statuses of its items.
func countItems(batch *runflow.Batch) {
	total, ended, count := len(batch.Items), 0, map[runflow.RunStatus]int{}
	batch.Cost.Valid = false
	for _, item := range batch.Items {
		count[item.StatusCode]++
		if item.StatusCode.IsTerminal() {
			ended++
		}
		if item.Cost.Valid {
			sum := item.Cost
			if batch.Cost.Valid {
				sum.Decimal = sum.Decimal.Add(batch.Cost.Decimal)
			}
			batch.Cost = sum
		}
	}
	succeeded, failed, cancelled := count[runflow.RunStatusSucceeded], count[runflow.RunStatusFailed], count[runflow.RunStatusCancelled]
	batch.ItemsTotal, batch.ItemsSucceeded, batch.ItemsFailed, batch.ItemsCancelled = &total, &succeeded, &failed, &cancelled
	switch {
	case count[runflow.RunStatusQueued] == total:
		batch.StatusCode = runflow.RunStatusQueued
	case ended < total:
		batch.StatusCode = runflow.RunStatusRunning
	case succeeded == total:
		batch.StatusCode = runflow.RunStatusSucceeded
	case succeeded+failed+cancelled < total || succeeded > 0: // a run can be partial_succeeded, too
		batch.StatusCode = runflow.RunStatusPartialSucceeded
	case cancelled == total:
		batch.StatusCode = runflow.RunStatusCancelled
	default:
		batch.StatusCode = runflow.RunStatusFailed
	}
}

// encodeOutput returns the output of a batch that has ended. Only the names of its
// members are documented.
func encodeOutput(batch *runflow.Batch) runflow.JSON {
	type item struct {
		itemSummary

		Output runflow.JSON `json:"output"`
	}
	items := make([]item, len(batch.Items))
	for i, of := range batch.Items {
		items[i] = item{itemSummary{of.ID, of.SequenceIndex, of.RunID, of.StatusCode, of.ClientRef}, of.Output}
	}
	output, _ := json.Marshal(struct { // empty if an output cannot be encoded
		Items     []item `json:"items"`
		Succeeded *int   `json:"succeeded"`
		Failed    *int   `json:"failed"`
		Cancelled *int   `json:"cancelled"`
		Total     *int   `json:"total"`
	}{items, batch.ItemsSucceeded, batch.ItemsFailed, batch.ItemsCancelled, batch.ItemsTotal})
	return output
}

func (s *Server) payloadOfBatch(batch *runflow.Batch) payload {
	return payload{
		Event: "batch." + string(batch.StatusCode), BatchID: batch.ID, Status: string(batch.StatusCode),
		Output: runflow.JSON(s.sign(json.RawMessage(batch.Output))), DurationMS: batch.DurationMS,
		CreatedAt: isoFormat(batch.CreatedAt), CompletedAt: isoFormat(batch.CompletedAt), Metadata: batch.Metadata,
	}
}

// findBatch returns the batch that the parameter of a path names.
func (s *Server) findBatch(r *http.Request, c caller, parameter string) (*runflow.Batch, *problem) {
	batch, ok := s.batches[r.PathValue(parameter)]
	if !ok || batch.OrgID != c.orgID {
		return nil, notFound("batch")
	}
	return batch, nil
}

func (s *Server) renderBatch(batch *runflow.Batch, v view) (json.RawMessage, *problem) {
	row := newRow(s.batchSchema, batch.ID, batch.OrgID, batch)
	return s.render(&row, v)
}

// getBatch returns a batch, after each of its runs has taken its next step.
func (s *Server) getBatch(r *http.Request, c caller) (any, *problem) {
	batch, bad := s.findBatch(r, c, "id")
	if bad != nil {
		return nil, bad
	}
	v, bad := parseView(r, s.batchSchema)
	if bad != nil {
		return nil, bad
	}
	if !s.paused {
		for i := range batch.Items {
			s.advance(batch.Items[i].RunID)
		}
	}
	return s.renderBatch(batch, v)
}

// batchItemsOf returns the items of a batch.
func (s *Server) batchItemsOf(r *http.Request, c caller) (source, *problem) {
	batch, bad := s.findBatch(r, c, "batch_id")
	if bad != nil {
		return source{}, bad
	}
	rows := make([]*row, len(batch.Items))
	for i, item := range batch.Items {
		row := newRow(s.batchItemSchema, item.ID, batch.OrgID, item)
		rows[i] = &row
	}
	return source{schema: s.batchItemSchema, sorted: func(by order) []entry { return by.sorted(rows) }, sortBy: "sequence_index:asc"}, nil
}

func (s *Server) listBatchDeliveries(r *http.Request, c caller) (any, *problem) {
	batch, bad := s.findBatch(r, c, "batch_id")
	if bad != nil {
		return nil, bad
	}
	return s.encodeDeliveries(batch.ID), nil
}

func (s *Server) redeliverBatch(r *http.Request, c caller) (any, *problem) {
	batch, bad := s.findBatch(r, c, "batch_id")
	if bad == nil {
		bad = checkRedelivery("batch", batch.CallbackURL, batch.StatusCode)
	}
	if bad != nil {
		return nil, bad
	}
	for _, d := range s.deliveries[batch.ID] {
		if !d.IsAutomatic && d.StatusCode == deliveryPending {
			return nil, invalid(badField("body", "batch_id", "another redelivery is in progress", "conflict"))
		}
	}
	return created{s.encodeDelivery(s.callBack(batch.OrgID, batch.CallbackURL, s.payloadOfBatch(batch), false))}, nil
}
