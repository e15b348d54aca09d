package supervisor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// place of a node: what distinguishes it from the others of its pod.
type place struct {
	slot int
	// portStep separates the ports of neighbours.
	portStep int
	// addresses of the pod.
	addresses []string
}

// conf is the bitcoin.conf of a node.
type conf struct {
	text    string
	dataDir string
	rpcPort int
}

// confOf returns the configuration of a node from that of the pod, which is the first node's but for its data directory. It is a whole
// text, because a file that bitcoin.conf includes cannot include another one.
func confOf(text string, at place) (conf, error) {
	podDir, found := valueIn(text, "datadir")
	if !found {
		return conf{}, errors.New("bitcoin.conf has no datadir")
	}
	c := conf{dataDir: api.DataDir(podDir, at.slot)}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		key, value, isOption := cutOption(line)
		if !isOption || strings.HasPrefix(line, "#") {
			b.WriteString(line + "\n")
			continue
		}
		value, err := at.valueOf(key, value)
		if err != nil {
			return conf{}, err
		}
		if value == podDir || strings.HasPrefix(value, podDir+"/") {
			value = c.dataDir + value[len(podDir):]
		}
		if key == "rpcport" {
			c.rpcPort, err = strconv.Atoi(value)
		}
		if err != nil {
			return conf{}, fmt.Errorf("bitcoin.conf: %s: %w", key, err)
		}
		for _, each := range at.withAddresses(value) {
			b.WriteString(key + "=" + each + "\n")
		}
	}
	if c.rpcPort == 0 {
		return conf{}, errors.New("bitcoin.conf has no rpcport")
	}
	c.text = b.String()
	return c, nil
}

// valueOf an option for this node: ports are its own.
func (p place) valueOf(key, value string) (string, error) {
	before := ""
	switch {
	case key == "port", key == "rpcport":
	case strings.HasPrefix(key, "zmqpub") && !strings.HasSuffix(key, "hwm"):
		colon := strings.LastIndex(value, ":")
		before, value = value[:colon+1], value[colon+1:]
	default:
		return value, nil
	}
	port, err := strconv.Atoi(value)
	if err != nil {
		return "", fmt.Errorf("bitcoin.conf: the port of %s: %w", key, err)
	}
	return before + strconv.Itoa(port+p.portStep*p.slot), nil
}

// withAddresses replaces the placeholders of addresses.
func (p place) withAddresses(value string) []string {
	if !strings.Contains(value, api.PodIPs) {
		return []string{strings.ReplaceAll(value, api.PodIP, p.addresses[0])}
	}
	values := make([]string, len(p.addresses))
	for i, address := range p.addresses {
		values[i] = strings.ReplaceAll(value, api.PodIPs, address)
	}
	return values
}

// cutOption returns the parts of a line without the space around them, which bitcoind ignores too.
func cutOption(line string) (key, value string, isOption bool) {
	key, value, isOption = strings.Cut(line, "=")
	return strings.TrimSpace(key), strings.TrimSpace(value), isOption
}

// valueIn returns the first value of an option.
func valueIn(text, option string) (string, bool) {
	for line := range strings.Lines(text) {
		if key, value, _ := cutOption(line); key == option {
			return value, true
		}
	}
	return "", false
}

// credentialIn returns the credential of the operator that bitcoin.conf has.
func credentialIn(text string) (podhttp.Credential, error) {
	for line := range strings.Lines(text) {
		key, value, _ := cutOption(line)
		user, _, _ := strings.Cut(value, ":")
		if key != "rpcauth" || user != rpcauth.OperatorUser {
			continue
		}
		if credential, err := podhttp.ParseCredential(value); err == nil {
			return credential, nil
		}
	}
	return podhttp.Credential{}, errors.New("bitcoin.conf has no credential of the operator")
}
