//go:build !peers

package main

var others []peer
