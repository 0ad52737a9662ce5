package transport

import (
	"context"
	"time"
)

// An Ending describes the end of one attempt of a download or an upload.
type Ending struct {
	Started  time.Time
	Response *Response // nil if there is none
	Err      error
	MayRetry bool // whether another attempt may succeed
	Failed   int  // number of failed attempts, from which the delay follows
	IsFree   bool // whether another attempt needs no retry budget
}

// Next logs an attempt that [Do] did not make. If another one follows, it sleeps until
// then. Otherwise it returns false, and the result is complete.
func (r *Result) Next(ctx context.Context, e Ending) bool {
	if e.Response != nil {
		r.Response = e.Response
	}
	retry, delay := e.MayRetry, time.Duration(0)
	if retry {
		delay, retry, e.Err = r.settings.Delay(ctx, e.Failed, e.Response, e.Err)
		retry = retry && (e.IsFree || r.settings.Budget.Spend())
	}
	if !retry {
		delay = 0
	}
	r.Log(ctx, e.Response, e.Err, time.Since(e.Started), delay)
	if r.Err = e.Err; retry {
		r.Err = Sleep(ctx, delay)
	}
	return retry && r.Err == nil
}
