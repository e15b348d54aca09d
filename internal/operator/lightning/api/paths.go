package api

// Directories and files in the pod of an LND.
const (
	// ConfigDir has the files of a ConfigMap, whose keys are ConfigKey and CredentialKey.
	ConfigDir = "/etc/lightning"
	// SecretDir has the files of the user's Secret, for a LightningNetwork with one. CertificateKey and PrivateKeyKey are those that LND presents.
	SecretDir = "/etc/lightning-secret"
	// RunDir is in memory and lasts as long as the pod. It has the backend and the configuration that LND is started with.
	RunDir = "/run/lightning"
	// DataDir is LND's directory, with its wallet, channels, certificate and macaroons.
	DataDir = "/data"
)

// Keys of the ConfigMap.
const (
	// ConfigKey is lnd.conf without a backend. Ordinal in it stands for the number of the pod.
	ConfigKey = "lnd.conf"
	// CredentialKey is the operator's credential as a salted hash, as rpcauth.Value returns it.
	CredentialKey = "rpcauth"
)

// Keys of the user's Secret, as the type kubernetes.io/tls has them. Others are for the user only.
const (
	CertificateKey = "tls.crt"
	PrivateKeyKey  = "tls.key"
)

const (
	// Ordinal in lnd.conf stands for the number at the end of the pod's name.
	Ordinal = "$(ORDINAL)"
	// PodNameVariable is the environment variable with the pod's name.
	PodNameVariable = "POD_NAME"
	// RESTAddress is where LND answers the agent: its lnd.conf must have it as restlisten.
	RESTAddress = "127.0.0.1:8080"
)
