package main

import (
	"crypto/x509"
	"errors"
	"fmt"
)

// authorities are those of the system and those in a file, whose writers could make any
// host pass for the service. No path is nil: the system's alone.
func authorities(path string) (*x509.CertPool, error) {
	path, err := absolute(path)
	if err != nil || path == "" {
		return nil, err
	}
	text, err := readOwn(path, writable)
	if err != nil {
		return nil, fmt.Errorf("the file %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a system without any
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New("the file holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
	}
	return roots, nil
}
