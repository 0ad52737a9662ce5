package main

import (
	"errors"
	"net/http"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// An explanation is what a user learns about an error.
type explanation struct {
	status  int
	message string
}

// explain returns the response to an error. It does not show the error itself, which
// is for the log.
func explain(err error) explanation {
	switch {
	case errors.Is(err, errNoRun):
		return explanation{http.StatusNotFound, "no such run"}
	case errors.Is(err, runflow.ErrValidation), errors.Is(err, runflow.ErrBadRequest), errors.Is(err, runflow.ErrInvalidArgument):
		return explanation{http.StatusUnprocessableEntity, "Runflow refused the input" + fieldsOf(err)}
	case errors.Is(err, runflow.ErrPermissionDenied):
		return explanation{http.StatusForbidden, "your Runflow account does not permit this"}
	case errors.Is(err, runflow.ErrInsufficientCredit):
		return explanation{http.StatusServiceUnavailable, "the service is out of credit"}
	case errors.Is(err, runflow.ErrRateLimited):
		return explanation{http.StatusServiceUnavailable, "the service is busy; try again later"}
	}
	_, isCall := runflow.CallInfoOf(err)
	apiErr, isResponse := errors.AsType[*runflow.APIError](err)
	if isCall && (!isResponse || apiErr.StatusCode >= http.StatusInternalServerError) {
		return explanation{http.StatusBadGateway, "Runflow is not available; try again later"}
	}
	return explanation{http.StatusInternalServerError, "internal error"} // for example an unknown model or an invalid token
}

// fieldsOf returns the fields that the API refused.
func fieldsOf(err error) string {
	apiErr, ok := errors.AsType[*runflow.APIError](err)
	if !ok || len(apiErr.Fields) == 0 {
		return ""
	}
	var fields []string
	for _, f := range apiErr.Fields {
		fields = append(fields, f.Error())
	}
	return ": " + strings.Join(fields, "; ")
}
