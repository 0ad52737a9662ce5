package main

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"golang.org/x/time/rate"
)

func TestUserLimits_Reserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newUserLimits(rate.Every(time.Second), 2)
		assert.Zero(t, l.reserve("ann"))
		assert.Zero(t, l.reserve("ann"))
		assert.Equal(t, time.Second, l.reserve("ann"))
		assert.Equal(t, time.Second, l.reserve("ann"), "a refused request is not counted")
		assert.Zero(t, l.reserve("bob"))
		time.Sleep(time.Second)
		assert.Zero(t, l.reserve("ann"))
		assert.Equal(t, time.Second, l.reserve("ann"))
	})
}

func TestUserLimits_RemovesIdleUsers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newUserLimits(rate.Every(time.Second), 1)
		for i := range maxIdleLimits {
			l.reserve(strconv.Itoa(i))
		}
		time.Sleep(time.Second)
		l.reserve("0")
		l.reserve("ann")
		assert.Len(t, l.byUser, 2, "only users whose limit is in use remain")
		assert.Positive(t, l.reserve("0"))
	})
}
