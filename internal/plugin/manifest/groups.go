package manifest

import (
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// groups reads --group values such as old=2,image=registry.example.com/bitcoin:27.0,config.txindex=1.
func (f Flags) groups(spec *v1.BitcoinNetworkSpec) error {
	for _, text := range f.Groups {
		group, err := group(text)
		if err != nil {
			return err
		}
		spec.Groups = append(spec.Groups, group)
	}
	return nil
}

func group(text string) (v1.Group, error) {
	parts := strings.Split(text, ",")
	name, number, ok := strings.Cut(parts[0], "=")
	nodes, err := strconv.ParseUint(number, 10, 16)
	if !ok || name == "" || err != nil {
		return v1.Group{}, invalid.Errorf("--group %q does not begin with a name and a number of nodes: write NAME=NODES, such as old=2,image=IMAGE,config.txindex=1", text)
	}
	group := v1.Group{Name: name, Nodes: int32(nodes)} //nolint:gosec // 16 bits
	var given []string
	for _, part := range parts[1:] {
		key, value, ok := strings.Cut(part, "=")
		option, isOption := strings.CutPrefix(key, "config.")
		switch {
		case ok && key == "image":
			group.Image = value
		case ok && isOption:
			given = append(given, option+"="+value)
		default:
			return v1.Group{}, invalid.Errorf("--group %q has %q, which is neither image=IMAGE nor config.OPTION=VALUE", text, part)
		}
	}
	group.Config, group.ConfigLists, err = options("--group", given)
	return group, err
}

// options reads OPTION=VALUE; an option that is given several times has a list of values.
func options(flag string, given []string) (v1.Config, v1.ConfigLists, error) {
	values := map[string][]string{}
	for _, text := range given {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, nil, invalid.Errorf("%s %q is not an option of bitcoin.conf: write OPTION=VALUE, such as txindex=1", flag, text)
		}
		values[key] = append(values[key], value)
	}
	var single v1.Config
	var lists v1.ConfigLists
	for key, list := range values {
		if len(list) == 1 {
			if single == nil {
				single = v1.Config{}
			}
			single[key] = v1.ConfigValue(list[0])
			continue
		}
		if lists == nil {
			lists = v1.ConfigLists{}
		}
		for _, value := range list {
			lists[key] = append(lists[key], v1.ConfigValue(value))
		}
	}
	return single, lists, nil
}
