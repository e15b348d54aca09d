package chart_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"sigs.k8s.io/yaml"
)

const crdFile = "../../charts/bitcoin-controller/files/crds/bitcoincontroller.christianb93.github.com_bitcoinnetworks.yaml"

func readCRD(t *testing.T) *apiextensions.CustomResourceDefinition {
	t.Helper()
	raw, err := os.ReadFile(filepath.FromSlash(crdFile))
	if err != nil {
		t.Fatal(err)
	}
	v1crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(raw, v1crd); err != nil {
		t.Fatal(err)
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(v1crd)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1crd.Spec)
	crd := &apiextensions.CustomResourceDefinition{}
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(v1crd, crd, nil); err != nil {
		t.Fatal(err)
	}
	crd.Status.StoredVersions = []string{"v1"}
	return crd
}

// The API server rejects a CRD whose CEL rules might cost too much; this runs the same check in a second.
func TestTheAPIServerAcceptsTheCRD(t *testing.T) {
	var problems []string
	for _, err := range validation.ValidateCustomResourceDefinition(context.Background(), readCRD(t)) {
		problems = append(problems, err.Error())
	}
	if len(problems) > 0 {
		t.Fatal(strings.Join(problems, "\n"))
	}
}
