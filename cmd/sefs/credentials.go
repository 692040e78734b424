package main

import (
	"errors"
	"io/fs"
	"strings"
)

const secretVariable = "SEFS_API_SECRET"

// readSecret returns the API secret, once the rest of the credentials is there.
func readSecret(p *process, s *settings) (string, error) {
	secret := p.env(secretVariable)
	// A flag beats the environment here as everywhere.
	if s.secretFile != "" && (secret == "" || s.secretFileByFlag) {
		var err error
		if secret, err = readSecretFile(s.secretFile); err != nil {
			return "", err
		}
	}
	var missing []string
	for _, need := range []struct {
		has  bool
		name string
	}{
		{s.apiKey != "" || s.lister == "v1", "the API key (--api-key or SEFS_API_KEY)"},
		{s.cdn != 0, "the CDN number (--cdn or SEFS_CDN)"},
		{secret != "", "the API secret (" + secretVariable + " or --" + secretFileKey + ")"},
	} {
		if !need.has {
			missing = append(missing, need.name)
		}
	}
	if len(missing) > 0 {
		return "", fail(exitCredentials, "credentials are missing: set %s", strings.Join(missing, ", "))
	}
	return secret, nil
}

// readSecretFile reads a file that nobody but its owner may touch.
func readSecretFile(path string) (string, error) {
	text, err := readOwn(path, reachable)
	if err != nil {
		return "", fail(exitCredentials, "the secret file %s %v", path, err)
	}
	const limit = 4096
	secret := strings.TrimSpace(string(text))
	if secret == "" || len(text) > limit || strings.ContainsAny(secret, "\n\x00") {
		return "", fail(exitCredentials, "the secret file %s does not hold one line with the API secret", path)
	}
	return secret, nil
}

// bare is an error without the operation and path that os puts before it.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
