package credentials

import (
	"bytes"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func accept(MasterKeys) error { return nil }

func TestMasterKeyIsCreatedOnceAndRotationKeepsThePrevious(t *testing.T) {
	clients := fake.NewClientset()
	read := func() MasterKeys {
		t.Helper()
		keys, err := ReadMasterKeys(t.Context(), clients, "ns", "key")
		if err != nil || len(keys.Current) != masterKeyBytes {
			t.Fatalf("%d bytes, %v", len(keys.Current), err)
		}
		return keys
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key", accept); err == nil {
		t.Error("a missing key was rotated")
	}
	first := read()
	if again := read(); !bytes.Equal(again.Current, first.Current) || first.Previous != nil {
		t.Error("a second start reads another key")
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key", accept); err != nil {
		t.Fatal(err)
	}
	second := read()
	if bytes.Equal(second.Current, first.Current) || !bytes.Equal(second.Previous, first.Current) {
		t.Error("the key is unchanged, or the previous one is lost")
	}
}

func TestSecretWithoutItsKeyIsNotReplaced(t *testing.T) {
	clients := fake.NewClientset(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key", Namespace: "ns"}, Data: map[string][]byte{"master-key": []byte("short")}})
	if _, err := ReadMasterKeys(t.Context(), clients, "ns", "key"); err == nil {
		t.Error("a short key was accepted")
	}
	if err := RotateMasterKey(t.Context(), clients, "ns", "key", accept); err == nil {
		t.Error("a short key was rotated")
	}
}

func TestARotationThatIsRejectedChangesNothing(t *testing.T) {
	clients := fake.NewClientset()
	before, err := ReadMasterKeys(t.Context(), clients, "ns", "key")
	if err != nil {
		t.Fatal(err)
	}
	incomplete := errors.New("incomplete")
	err = RotateMasterKey(t.Context(), clients, "ns", "key", func(keys MasterKeys) error {
		if !bytes.Equal(keys.Current, before.Current) {
			t.Error("other keys are checked")
		}
		return incomplete
	})
	if !errors.Is(err, incomplete) {
		t.Errorf("%v", err)
	}
	if after, err := ReadMasterKeys(t.Context(), clients, "ns", "key"); err != nil || !bytes.Equal(after.Current, before.Current) {
		t.Errorf("the key has changed, %v", err)
	}
}
