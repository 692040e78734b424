package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"sefs/apiclient"
)

// settings are the options of one run, checked. The API secret is not among
// them: what is not here cannot be logged with them.
type settings struct {
	apiURL, apiKey, secretFile       string
	filesURL                         string // with {user} in it
	cdn                              int
	roots                            *x509.CertPool // nil is the system's
	allowHTTP                        bool
	types                            []string
	ttl, stale, timeout, loadTimeout time.Duration
	concurrency, downloads           int
	lister                           string // files.list or v1
	streamUnknown                    bool
	prefetch                         bool
	memory                           int64  // bytes
	memoryLimit                      uint64 // of the cgroup, where memory was made to fit it
	uid, gid, fileMode, dirMode      uint32
	allowOther, allowEmpty, noExec   bool
	foreground, debug                bool
	logLevel                         slog.Level
	logFormat, logFile               string
	secretFileByFlag                 bool
}

// source reads the settings of a verb from its flags, the environment and the
// config file, in that order of precedence.
type source struct {
	process *process
	flags   *pflag.FlagSet
	options []option // those of the verb

	values   *koanf.Koanf
	filePath string
	fromEnv  map[string]bool
}

// load merges the sources, checks every value and says of a bad one where it is.
func (s *source) load() (*settings, error) {
	s.values = koanf.New(".")
	if err := s.loadFile(); err != nil {
		return nil, err
	}
	if err := s.loadEnv(); err != nil {
		return nil, err
	}
	chosen := s.values.Exists(memoryKey) || s.flags.Changed(memoryKey)
	own := func(name, text string) (string, any) {
		if !slices.ContainsFunc(s.options, func(o option) bool { return o.name == name }) {
			return "", nil // --help
		}
		return name, text
	}
	if err := s.values.Load(posflag.ProviderWithValue(s.flags, ".", s.values, own), nil); err != nil {
		return nil, err
	}
	result := &settings{secretFileByFlag: s.flags.Changed(secretFileKey)}
	for _, o := range s.options {
		text, err := s.text(o)
		if err == nil {
			err = o.set(result, text)
		}
		if err != nil {
			return nil, fail(exitUsage, "%s: %v", s.origin(o.name, text), err)
		}
	}
	for _, a := range []struct{ name, address string }{{"api-url", result.apiURL}, {"files-url", result.filesAddress("storage/user")}} {
		if !result.allowHTTP && apiclient.IsClearText(a.address) {
			return nil, fail(exitUsage, "%s: plain http is accepted for this machine only: use https, or --allow-http to send credentials in clear text", s.origin(a.name, ""))
		}
	}
	if !chosen && s.process.memoryLimit != nil {
		result.fitMemory(s.process.memoryLimit())
	}
	if result.loadTimeout != 0 && result.loadTimeout < result.timeout {
		return nil, fail(exitUsage, "%s is shorter than --timeout %s: make it at least as long",
			s.origin("load-timeout", result.loadTimeout.String()), result.timeout)
	}
	return result, nil
}

// loadFile reads the config file, if there is one.
func (s *source) loadFile() error {
	path, err := s.findFile()
	if err != nil || path == "" {
		return err
	}
	s.filePath = path
	text, err := readOwn(path, writable)
	if err != nil {
		return fail(exitUsage, "the config file %s %v", path, err)
	}
	if err := s.values.Load(rawText(text), toml.Parser()); err != nil {
		return fail(exitUsage, "the config file %s cannot be read: %s", path, fileTrouble(err))
	}
	for _, key := range s.values.Keys() {
		switch {
		case key == secretKey:
			return fail(exitUsage, "%s: a secret does not belong in the config file: remove %s and set %s, or name a file of mode 0600 with %s",
				path, key, secretVariable, secretFileKey)
		case key == configKey || !known(key):
			allowed := slices.DeleteFunc(names(), func(n string) bool { return n == configKey })
			return fail(exitUsage, "%s: unknown key %q: allowed are %s", path, key, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// findFile returns the config file's path, or "" if there is none. A file that was
// asked for must be there.
func (s *source) findFile() (string, error) {
	asked := s.flags.Lookup(configKey).Value.String()
	if asked == "" {
		asked = s.process.env(envPrefix + "CONFIG")
	}
	if asked != "" {
		return filepath.Abs(asked)
	}
	for _, dir := range []string{s.process.xdgFolder("XDG_CONFIG_HOME", ".config"), "/etc"} {
		path := filepath.Join(dir, "sefs", "config.toml")
		if dir == "" {
			continue
		}
		// Only a file that is not there is passed over: another trouble with it,
		// such as its permissions, is the user's to know.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", nil
}

// fileTrouble is a config file's error in one line, without the file's contents:
// a secret may stand where it should not.
func fileTrouble(err error) string {
	var place interface{ Position() (row, column int) }
	if errors.As(err, &place) {
		row, column := place.Position()
		return fmt.Sprintf("line %d, column %d is not TOML (text needs quotes)", row, column)
	}
	return "it is not TOML"
}

// rawText is the text of a config file, for koanf.
type rawText []byte

func (t rawText) ReadBytes() ([]byte, error) { return t, nil }

func (rawText) Read() (map[string]any, error) { return nil, errors.ErrUnsupported }

// loadEnv reads the variables. An empty one is as good as none, since service
// managers and containers cannot always leave one out.
func (s *source) loadEnv() error {
	s.fromEnv = make(map[string]bool)
	var unknown []string
	take := func(name, text string) (string, any) {
		key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, envPrefix), "_", "-"))
		switch {
		case name == secretVariable || text == "":
			return "", nil
		case name != variable(key) || !known(key):
			unknown = append(unknown, name)
			return "", nil
		}
		s.fromEnv[key] = true
		return key, text
	}
	err := s.values.Load(env.Provider(".", env.Opt{
		Prefix:        envPrefix,
		TransformFunc: take,
		EnvironFunc:   func() []string { return s.process.environ },
	}), nil)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		// No error: a service manager may set such names for reasons of its own, as
		// Kubernetes does for a service that is called sefs.
		s.process.notice("ignored, since no option has such a name: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// text returns an option's value as it would stand on the command line.
func (s *source) text(o option) (string, error) {
	switch v := s.values.Get(o.name).(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		if o.kind == modeKind {
			return fmt.Sprint(v), errors.New(`an octal mode in quotes is needed, such as "0444"`)
		}
		return strconv.FormatInt(v, 10), nil
	case []any:
		if o.kind != listKind {
			return fmt.Sprint(v), errors.New("one value is needed, not a list")
		}
		var parts []string
		for _, part := range v {
			text, ok := part.(string)
			if !ok {
				return fmt.Sprint(v), errors.New("a list of texts in quotes is needed")
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ","), nil
	default:
		return fmt.Sprint(v), errors.New("a text in quotes is needed")
	}
}

// origin names an option the way that its source does, with its value.
func (s *source) origin(name, text string) string {
	if name == "api-url" || name == "files-url" {
		text = "" // may hold a password, which is why it was refused
	} else {
		text = " " + strconv.Quote(text)
	}
	switch f := s.flags.Lookup(name); {
	case f != nil && f.Changed:
		return "--" + name + text
	case s.fromEnv[name]:
		return variable(name) + text
	case s.filePath != "" && s.values.Exists(name):
		return s.filePath + ": " + name + text
	}
	return "--" + name + text
}

// names are all options, of all verbs: one config file serves them all.
func names() (all []string) {
	for _, o := range mountOptions() {
		all = append(all, o.name)
	}
	return all
}

func known(name string) bool { return slices.Contains(names(), name) }

// variable is the environment variable of an option.
func variable(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// xdgFolder returns a folder of the XDG base directory specification, or "" if
// neither the variable nor a home is set. It ignores relative paths, as it must.
func (p *process) xdgFolder(variable, below string) string {
	if dir := p.env(variable); filepath.IsAbs(dir) {
		return dir
	}
	if home := p.env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, below)
	}
	return ""
}
