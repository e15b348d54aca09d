package chart

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	chart3 "helm.sh/helm/v3/pkg/chart"
	chart4 "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// A field that a new version of Helm adds must not be lost on the way into an index.
func TestMetadataHasEveryFieldOfHelms(t *testing.T) {
	for major, theirs := range map[helm.Major]any{helm.V3: new(chart3.Metadata), helm.V4: new(chart4.Metadata)} {
		fill(reflect.ValueOf(theirs).Elem())
		want, err := json.Marshal(theirs)
		if err != nil {
			t.Fatal(err)
		}
		var ours Metadata
		if err := helm.Convert(theirs, &ours); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(ours)
		if diff := cmp.Diff(string(want), string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", major, err, diff)
		}
	}
}

// fill sets every field that v reaches to a value that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
	case reflect.Interface:
		v.Set(reflect.ValueOf("i"))
	default:
		panic(v.Kind())
	}
}

func TestSanitizedLeavesTheOriginalAlone(t *testing.T) {
	m := &Metadata{APIVersion: "v2", Name: "a", Version: "1.0.0", Description: "a\u200bb"}
	got, err := Sanitized(m)
	if err != nil || got.Description != "ab" || m.Description != "a\u200bb" {
		t.Errorf("%+v of %+v, %v", got, m, err)
	}
	for name, m := range map[string]*Metadata{"nil": nil, "no version": {APIVersion: "v2", Name: "a"}, "an empty maintainer": {APIVersion: "v2", Name: "a", Version: "1.0.0", Maintainers: []*Maintainer{nil}}} {
		if _, err := Sanitized(m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
