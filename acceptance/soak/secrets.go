package main

import (
	"fmt"
	"strings"
)

const (
	// secretText is a part of every input and of every reason of a feedback.
	secretText = "canary-text"
	// signatureParam is in every link to a file.
	signatureParam = "X-Signature="
)

// secrets are texts that no error and no log record may contain.
type secrets []string

func newSecrets(server started) secrets {
	return secrets{server.APIKey, server.UserToken, secretText, signatureParam}
}

// check adds a finding if a text of the given source contains a secret.
func (s secrets) check(f *findings, source, text string) {
	for _, secret := range s {
		if strings.Contains(text, secret) {
			f.add("%s contains a secret: %s", source, text)
			return
		}
	}
}

// checkError checks an error as a program may print it.
func (s secrets) checkError(f *findings, err error) {
	if err != nil {
		s.check(f, "an error", fmt.Sprintf("%v %+v", err, err))
	}
}
