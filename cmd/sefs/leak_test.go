package main

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// signed is what a link or a signature looks like, or Basic credentials: the base64 of a
// SHA-256, in the forms in which it is sent.
var signed = regexp.MustCompile(`secure=|expires=|(?i:authorization:|basic [A-Za-z0-9+/]{8})|[A-Za-z0-9+/]{43}(=|%3D)`)

// wantNoSecret fails the test if text, which every program that runs in the world prints
// or logs, holds a secret.
func (w *world) wantNoSecret(where string, text []byte) {
	w.t.Helper()
	show := func(at int) {
		w.t.Errorf("%s a secret: …%q…", where, text[max(0, at-100):min(len(text), at+60)])
	}
	if at := signed.FindIndex(text); at != nil {
		show(at[0])
	}
	for _, secret := range append(w.accountSecrets(), w.secrets...) {
		if at := bytes.Index(text, []byte(secret)); at >= 0 {
			show(at)
		}
	}
}

// accountSecrets are the secrets of the accounts that the environment has or had, in
// every form in which they are sent.
func (w *world) accountSecrets() (all []string) {
	var secrets, numbers []string
	for _, e := range w.environ {
		if s, ok := strings.CutPrefix(e, "SEFS_API_SECRET="); ok && s != "" {
			secrets = append(secrets, s)
		}
		if n, ok := strings.CutPrefix(e, "SEFS_CDN="); ok && n != "" {
			numbers = append(numbers, n)
		}
	}
	for _, s := range secrets {
		all = append(all, s, url.QueryEscape(s), strings.ReplaceAll(s, "/", `\/`))
		for _, n := range numbers {
			all = append(all, base64.StdEncoding.EncodeToString([]byte(n+":"+s)))
		}
	}
	return all
}

// logs are the files in the world that programs log to.
func (w *world) logs() []string {
	named, _ := filepath.Glob(filepath.Join(w.dir, "*.log"))
	return append(named, filepath.Join(w.dir, "log"))
}
