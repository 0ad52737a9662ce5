package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// noRun is the ID of a run that does not exist.
const noRun = "00000000-0000-7000-8000-000000000000"

func checkHealth(ctx context.Context, p *probe) result {
	health, err := p.client.Health.Check(ctx)
	if err != nil {
		return because(err)
	}
	return is(health.Status != "", "the response has no status: %.200s", p.last.body)
}

func checkReady(ctx context.Context, p *probe) result {
	if _, err := p.client.Health.Ready(ctx); err != nil {
		return because(err)
	}
	return yes("")
}

func checkIdentity(ctx context.Context, p *probe) result {
	account, err := p.client.Account.Me(ctx, runflow.GetAccountParams{})
	if err != nil {
		return because(err)
	}
	p.compare("Account", account)
	return is(account.ID != "", "no id")
}

func checkUnauthorized(ctx context.Context, p *probe) result {
	_, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: 1}, runflow.WithToken("not-a-token"))
	return isError(err, runflow.ErrUnauthorized, http.StatusUnauthorized, "")
}

func checkNotFound(ctx context.Context, p *probe) result {
	_, err := p.client.Runs.Get(ctx, noRun, runflow.GetRunParams{})
	return isError(err, runflow.ErrNotFound, http.StatusNotFound, "RUN_NOT_FOUND")
}

func checkMethodNotAllowed(ctx context.Context, p *probe) result {
	r, err := p.do(ctx, http.MethodPut, "/v1/auth/me", nil)
	if err != nil {
		return because(err)
	}
	return is(r.status == http.StatusMethodNotAllowed, "PUT /v1/auth/me: status %d", r.status)
}

func checkValidation(ctx context.Context, p *probe) result {
	r, err := p.get(ctx, "/v1/runs?limit=0")
	if err != nil {
		return because(err)
	}
	var body struct {
		Code   string `json:"code"`
		Errors []struct {
			Loc []any  `json:"loc"`
			Msg string `json:"msg"`
		} `json:"errors"`
	}
	_ = json.Unmarshal(r.body, &body)
	ok := r.status == http.StatusUnprocessableEntity && body.Code != "" && len(body.Errors) > 0 && len(body.Errors[0].Loc) > 0 && body.Errors[0].Msg != ""
	return is(ok, "status %d: %.300s", r.status, r.body)
}

// isError reports whether err is an API error with a sentinel, a status and a code;
// an empty code stands for any.
func isError(err, sentinel error, status int, code string) result {
	var apiErr *runflow.APIError
	switch {
	case !errors.As(err, &apiErr):
		return no("want an error response, got %v", err)
	case !errors.Is(err, sentinel), apiErr.StatusCode != status:
		return no("status %d, code %q", apiErr.StatusCode, apiErr.Code)
	case apiErr.Code == "", apiErr.Message == "":
		return no("code %q, message %q", apiErr.Code, apiErr.Message)
	case code != "" && apiErr.Code != code:
		return no("code %q", apiErr.Code)
	}
	return yes("code %s", apiErr.Code)
}

func checkEnvelope(ctx context.Context, p *probe) result {
	page, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: 5, SortBy: "created_at:desc"})
	if err != nil {
		return because(err)
	}
	p.compare("Page", page)
	for _, run := range page.Items {
		if p.shared.run == "" || run.StatusCode == runflow.RunStatusSucceeded {
			p.shared.run = run.ID
		}
	}
	object := p.last.object()
	_, items := object["items"].([]any)
	_, next := object["next"]
	return is(items && next, "the members are %s", strings.Join(slices.Sorted(maps.Keys(object)), ", "))
}

func checkLimit(ctx context.Context, p *probe) result {
	for _, limit := range []int{1, 500} {
		page, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: limit, Fields: []string{"id"}})
		if err != nil {
			return because(err)
		}
		if len(page.Items) > limit {
			return no("limit=%d returned %d runs", limit, len(page.Items))
		}
	}
	r, err := p.get(ctx, "/v1/runs?limit=501")
	if err != nil {
		return because(err)
	}
	return is(r.status == http.StatusUnprocessableEntity, "limit=501: status %d", r.status)
}

// ids returns the IDs of the runs of a page.
func ids(page *runflow.Page[runflow.Run]) []string {
	var all []string
	for _, run := range page.Items {
		all = append(all, run.ID)
	}
	return all
}

func listOf(ctx context.Context, p *probe, limit int, cursor string) (*runflow.Page[runflow.Run], error) {
	return p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: limit, SortBy: "created_at:asc", Fields: []string{"id"}, Cursor: cursor})
}

func checkForward(ctx context.Context, p *probe) result {
	whole, err := listOf(ctx, p, 3, "")
	if err != nil {
		return because(err)
	}
	if len(whole.Items) < 3 {
		return open("fewer than three runs")
	}
	var got []string
	cursor := ""
	for range 3 {
		page, err := listOf(ctx, p, 1, cursor)
		if err != nil {
			return because(err)
		}
		got, cursor = append(got, ids(page)...), page.Next
		if cursor == "" && len(got) < 3 {
			return no("no next after %d runs", len(got))
		}
	}
	return is(slices.Equal(got, ids(whole)), "pages of one: %v, a page of three: %v", got, ids(whole))
}

func checkBackward(ctx context.Context, p *probe) result {
	first, err := listOf(ctx, p, 1, "")
	if err != nil {
		return because(err)
	}
	if first.Next == "" {
		return open("fewer than two runs")
	}
	second, err := listOf(ctx, p, 1, first.Next)
	if err != nil {
		return because(err)
	}
	if second.Previous == "" {
		return no("the second page has no previous")
	}
	back, err := listOf(ctx, p, 1, second.Previous)
	if err != nil {
		return because(err)
	}
	return is(slices.Equal(ids(first), ids(back)), "first page %v, back again %v", ids(first), ids(back))
}

func checkSort(ctx context.Context, p *probe) result {
	for order, wrong := range map[string]int{"asc": 1, "desc": -1} {
		page, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: 50, SortBy: "created_at:" + order})
		if err != nil {
			return because(err)
		}
		if len(page.Items) < 2 {
			return open("fewer than two runs")
		}
		for i := range page.Items[1:] {
			if page.Items[i].CreatedAt.Compare(page.Items[i+1].CreatedAt) == wrong {
				return no("created_at:%s is not in order at %d", order, i)
			}
		}
	}
	return yes("")
}

func checkFields(ctx context.Context, p *probe) result {
	page, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: 1, Fields: []string{"id"}})
	if err != nil {
		return because(err)
	}
	if len(page.Items) == 0 {
		return open("no runs")
	}
	items, _ := p.last.object()["items"].([]any)
	item, _ := items[0].(map[string]any)
	set := slices.DeleteFunc(slices.Sorted(maps.Keys(item)), func(name string) bool { return item[name] == nil })
	return is(slices.Equal(set, []string{"id"}), "the members are %s", strings.Join(set, ", "))
}

func checkFilter(ctx context.Context, p *probe) result {
	return filtered(ctx, p, runflow.Where("status_code").Eq(runflow.RunStatusSucceeded), "")
}

func checkFilterAnd(ctx context.Context, p *probe) result {
	if p.shared.run == "" {
		return open("no runs")
	}
	return filtered(ctx, p, runflow.Where("status_code").Eq(runflow.RunStatusSucceeded).And(runflow.Where("id").Eq(p.shared.run)), p.shared.run)
}

// filtered checks that all runs of a filtered list have succeeded and have the ID id,
// if it is not "".
func filtered(ctx context.Context, p *probe, filter runflow.Filter, id string) result {
	page, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: 100, Filter: filter})
	if err != nil {
		return because(err)
	}
	for _, run := range page.Items {
		if run.StatusCode != runflow.RunStatusSucceeded || id != "" && run.ID != id {
			return no("the list has run %s with status %s", run.ID, run.StatusCode)
		}
	}
	if len(page.Items) == 0 {
		return open("no runs")
	}
	return yes("")
}

func checkFindByClientRef(ctx context.Context, p *probe) result {
	page, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: 100})
	if err != nil {
		return because(err)
	}
	for _, run := range page.Items {
		if run.ClientRef == "" || strings.ContainsAny(run.ClientRef, `'"\`) {
			continue
		}
		found, err := p.client.Runs.FindByClientRef(ctx, run.ClientRef)
		if err != nil {
			return because(err)
		}
		for _, other := range found {
			if other.ClientRef != run.ClientRef {
				return no("it also finds a run with another label")
			}
		}
		return is(len(found) > 0, "it finds no run")
	}
	return open("no run with a client_ref")
}

func checkBadFilter(ctx context.Context, p *probe) result {
	r, err := p.get(ctx, "/v1/runs?limit=1&q="+url.QueryEscape("no_such_field.EQ:'x'"))
	if err != nil {
		return because(err)
	}
	return is(r.status >= 400, "status %d", r.status)
}

func checkQuote(ctx context.Context, p *probe) result {
	var understood []string
	for name, value := range map[string]string{"backslash": `a\'b`, "doubled quote": `a''b`} {
		r, err := p.get(ctx, "/v1/runs?limit=1&q="+url.QueryEscape("client_ref.EQ:'"+value+"'"))
		if err != nil {
			return because(err)
		}
		if r.status == http.StatusOK {
			understood = append(understood, name)
		}
	}
	slices.Sort(understood)
	if len(understood) > 0 {
		return open("accepted: %s; the SDK could send it", strings.Join(understood, ", "))
	}
	return yes("")
}

func checkRun(ctx context.Context, p *probe) result {
	if p.shared.run == "" {
		return open("no runs")
	}
	run, err := p.client.Runs.Get(ctx, p.shared.run, runflow.GetRunParams{})
	if err != nil {
		return because(err)
	}
	p.compare("Run", run)
	known := []string{string(runflow.TargetTypeModel), string(runflow.TargetTypeFlow), string(runflow.TargetTypeComfyui)}
	switch {
	case run.ID != p.shared.run, run.StatusCode == "", run.CreatedAt.IsZero():
		return no("id %q, status %q, created at %v", run.ID, run.StatusCode, run.CreatedAt)
	case !slices.Contains(known, string(run.TargetType)):
		return no("target_type %q", run.TargetType)
	case p.last.object()["cost"] != nil && !run.Cost.Valid:
		return no("the cost is not a decimal number")
	}
	return yes("")
}

func checkEmbed(ctx context.Context, p *probe) result {
	if p.shared.run == "" {
		return open("no runs")
	}
	_, err := p.client.Runs.Get(ctx, p.shared.run, runflow.GetRunParams{Embed: []runflow.RunEmbed{runflow.RunEmbedModel, runflow.RunEmbedNodeRuns, runflow.RunEmbedLogs}})
	if err != nil {
		return because(err)
	}
	object := p.last.object()
	for _, part := range []string{"model", "node_runs", "logs"} {
		if _, ok := object[part]; !ok {
			return no("no member %s", part)
		}
	}
	return yes("")
}

func checkOutputs(ctx context.Context, p *probe) result {
	page, err := p.client.Runs.List(ctx, runflow.ListRunsParams{Limit: 50, Filter: runflow.Where("status_code").Eq(runflow.RunStatusSucceeded)})
	if err != nil {
		return because(err)
	}
	seen := 0
	for _, run := range page.Items {
		if run.StatusCode != runflow.RunStatusSucceeded || !strings.Contains(string(run.Output), "http") {
			continue
		}
		seen++
		if len(run.OutputFiles()) == 0 {
			return no("run %s: nothing found in an output with the members %s", run.ID, membersOf(run.Output))
		}
	}
	if seen == 0 {
		return open("no succeeded run with files")
	}
	return yes("%d runs", seen)
}

func membersOf(data runflow.JSON) string {
	var object map[string]any
	_ = json.Unmarshal(data, &object)
	return strings.Join(slices.Sorted(maps.Keys(object)), ", ")
}

func checkStatuses(ctx context.Context, p *probe) result {
	page, err := p.client.Runs.ListStatuses(ctx)
	if err != nil {
		return because(err)
	}
	known := []runflow.RunStatus{
		runflow.RunStatusQueued, runflow.RunStatusDispatching, runflow.RunStatusRunning, runflow.RunStatusSucceeded,
		runflow.RunStatusFailed, runflow.RunStatusCancelled, runflow.RunStatusPartialSucceeded,
	}
	for _, item := range page.Items {
		if !slices.Contains(known, runflow.RunStatus(item.Code)) {
			return no("status %q", item.Code)
		}
	}
	return is(len(page.Items) > 0, "the list is empty: %.200s", p.last.body)
}

func checkParts(ctx context.Context, p *probe) result {
	if p.shared.run == "" {
		return open("no runs")
	}
	logs, err := p.client.Runs.ListLogs(ctx, p.shared.run, runflow.ListRunLogsParams{Limit: 5})
	if err != nil {
		return because(err)
	}
	p.compare("Page", logs)
	nodes, err := p.client.Runs.ListNodeRuns(ctx, p.shared.run, runflow.ListNodeRunsParams{Limit: 5})
	if err != nil {
		return because(err)
	}
	p.compare("Page", nodes)
	return yes("%d logs, %d node runs", len(logs.Items), len(nodes.Items))
}

func checkDeliveries(ctx context.Context, p *probe) result {
	if p.shared.run == "" {
		return open("no runs")
	}
	page, err := p.client.Runs.ListCallbackDeliveries(ctx, p.shared.run, runflow.ListCallbackDeliveriesParams{})
	if err != nil {
		return because(err)
	}
	return yes("%d deliveries", len(page.Items))
}

func checkModels(ctx context.Context, p *probe) result {
	page, err := p.client.Models.List(ctx, runflow.ListModelsParams{Limit: 5})
	if err != nil {
		return because(err)
	}
	p.compare("Page", page)
	if len(page.Items) == 0 {
		return open("no models")
	}
	model := page.Items[0]
	p.shared.model = model.ID
	if strings.Count(model.Slug, "/") == 0 {
		return open("the slug %q has no owner", model.Slug)
	}
	again, err := p.client.Models.Get(ctx, model.Slug, runflow.GetModelParams{})
	if err != nil {
		return because(err)
	}
	return is(again.ID == model.ID, "Get(%q) returns another model", model.Slug)
}

func checkPricing(ctx context.Context, p *probe) result {
	page, err := p.client.Models.ListPricing(ctx, cmp.Or(p.shared.model, "any"), runflow.ListPricingParams{Limit: 50})
	if err != nil {
		return because(err)
	}
	p.compare("Page", page)
	for _, price := range page.Items {
		if !price.Price.Valid {
			return no("price row %s has no price", price.ID)
		}
	}
	if len(page.Items) == 0 {
		return open("no prices")
	}
	return yes("")
}

func checkWorkflows(ctx context.Context, p *probe) result {
	page, err := p.client.ComfyuiWorkflows.List(ctx, runflow.ListWorkflowsParams{Limit: 5})
	if err != nil {
		return because(err)
	}
	p.compare("Page", page)
	if len(page.Items) == 0 {
		return open("no workflows")
	}
	workflow, err := p.client.ComfyuiWorkflows.Get(ctx, page.Items[0].ID, runflow.GetWorkflowParams{})
	if err != nil {
		return because(err)
	}
	return is(workflow.ID == page.Items[0].ID, "Get returns another workflow")
}

func checkEvaluations(ctx context.Context, p *probe) result {
	statuses, err := p.client.Evaluations.ListStatuses(ctx)
	if err != nil {
		return because(err)
	}
	classes, err := p.client.Evaluations.ListJobClasses(ctx)
	if err != nil {
		return because(err)
	}
	return is(len(statuses.Items) > 0 && len(classes.Items) > 0, "%d statuses, %d job classes", len(statuses.Items), len(classes.Items))
}

func checkWebhooks(ctx context.Context, p *probe) result {
	hooks, err := p.client.Webhooks.List(ctx, runflow.ListWebhooksParams{Limit: 5})
	if err != nil {
		return because(err)
	}
	p.compare("Page", hooks)
	types, err := p.client.Webhooks.ListEventTypes(ctx)
	if err != nil {
		return because(err)
	}
	var codes []string
	for _, item := range types.Items {
		codes = append(codes, item.Code)
	}
	return is(len(codes) > 0, "no event types: %.200s", p.last.body)
}

func checkBalance(ctx context.Context, p *probe) result {
	balance, err := p.client.Billing.GetBalance(ctx)
	if errors.Is(err, runflow.ErrPermissionDenied) {
		return open("the token may not read the balance")
	}
	if err != nil {
		return because(err)
	}
	p.compare("CreditBalance", balance)
	return is(p.last.object()["balance"] != nil, "no member balance: %s", strings.Join(slices.Sorted(maps.Keys(p.last.object())), ", "))
}

func checkRequestIDs(_ context.Context, p *probe) result {
	if len(p.withoutID) > 0 {
		return no("%d of %d responses have none, the first to %s", len(p.withoutID), p.requests, p.withoutID[0])
	}
	return yes("")
}
