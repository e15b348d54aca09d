package controller

import (
	"bytes"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestTheMasterKeyIsMadeOnceAndChangedWithoutLosingTheOneBefore(t *testing.T) {
	clients := fake.NewClientset()
	read := func() MasterKeys {
		t.Helper()
		keys, err := ReadMasterKeys(t.Context(), clients, "ns", "key")
		if err != nil || len(keys.Current) != masterKeyBytes {
			t.Fatalf("%d bytes, %v", len(keys.Current), err)
		}
		return keys
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key"); err == nil {
		t.Error("a key that is not there was changed")
	}
	first := read()
	if again := read(); !bytes.Equal(again.Current, first.Current) || first.Previous != nil {
		t.Error("a second start finds another key")
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key"); err != nil {
		t.Fatal(err)
	}
	second := read()
	if bytes.Equal(second.Current, first.Current) || !bytes.Equal(second.Previous, first.Current) {
		t.Error("the key is not another one, or the one before it is lost")
	}
}

func TestASecretWithoutItsKeyIsNotReplaced(t *testing.T) {
	clients := fake.NewClientset(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key", Namespace: "ns"}, Data: map[string][]byte{"master-key": []byte("short")}})
	if _, err := ReadMasterKeys(t.Context(), clients, "ns", "key"); err == nil {
		t.Error("a short key was taken")
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key"); err == nil {
		t.Error("a short key was taken for one that nodes know")
	}
}
