package main

import (
	"cmp"
	"errors"
	"strings"
)

// A config has the values of the environment variables that the command documents.
type config struct {
	token          string
	userToken      string
	callbackSecret string
	baseURL        string
	model          string
	publicURL      string
	database       string
}

func configFrom(getenv func(string) string) config {
	return config{
		token:          getenv("RUNFLOW_TOKEN"),
		userToken:      cmp.Or(getenv("RUNFLOW_USER_TOKEN"), getenv("RUNFLOW_TOKEN")),
		callbackSecret: getenv("RUNFLOW_CALLBACK_SECRET"),
		baseURL:        getenv("RUNFLOW_BASE_URL"),
		model:          getenv("RUNFLOW_MODEL"),
		publicURL:      strings.TrimSuffix(getenv("PUBLIC_URL"), "/"),
		database:       getenv("DATABASE_URL"),
	}
}

// check returns an error that names all variables that are missing.
func (c *config) check() error {
	var errs []error
	for _, v := range []struct{ name, value string }{
		{"RUNFLOW_CALLBACK_SECRET", c.callbackSecret},
		{"RUNFLOW_MODEL", c.model},
		{"PUBLIC_URL", c.publicURL},
	} {
		if v.value == "" {
			errs = append(errs, errors.New(v.name+" is not set"))
		}
	}
	c.database = cmp.Or(c.database, "backend.db")
	return errors.Join(errs...)
}
