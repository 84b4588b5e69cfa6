package group

// Version and Suite are the first three bytes of every frame. Suite 1 is
// Ed25519, MLKEM768-RSA2048-SHA3-256, HKDF-SHA-256, AES-256-GCM and Fernet.
const (
	Version = 1
	Suite   = 1
)

// protocol starts every hashed, derived and signed text of the protocol.
const protocol = "parley room v1 "

// A label tells one use of a hash, a key derivation or a signature from every
// other. All labels are in this file; a test holds that no two are equal.
type label string

// Labels of hashes.
const (
	labelRoom       label = "room"
	labelTranscript label = "transcript"
	labelRoster     label = "roster"
	labelPolicy     label = "policy"
	labelLeaf       label = "leaf hash"
	labelKEMKey     label = "kem key"
	labelCiphertext label = "ciphertext"
	labelEntries    label = "entries"
	labelFrame      label = "frame"
	labelSeenStart  label = "seen start"
	labelSeen       label = "seen"
	labelRank       label = "rank"
	labelIdentity   label = "fingerprint"
	labelDeparture  label = "departure"
)

// Labels of derived keys.
const (
	labelWelcome       label = "welcome"
	labelInvite        label = "invite"
	labelInviteSigning label = "invite signing"
	labelInviteWelcome label = "invite welcome"
	labelEpoch         label = "epoch"
	labelInit          label = "init"
	labelConfirm       label = "confirm"
	labelAuthenticator label = "authenticator"
	labelDigits        label = "digits"
	labelSenderRoot    label = "sender root"
	labelSender        label = "sender"
	labelFernet        label = "fernet"
	labelWrap          label = "wrap"
)

// Labels of signatures.
const (
	signCreate       label = "sign create"
	signLeafIdentity label = "sign leaf by identity"
	signLeafKey      label = "sign leaf by leaf key"
	signProof        label = "sign invite proof"
	signJoinIdentity label = "sign join by identity"
	signJoinLeaf     label = "sign join by leaf key"
	signJoinReplaced label = "sign join by replaced leaf key"
	signLeave        label = "sign leave"
	signRemove       label = "sign remove"
	signCommit       label = "sign commit"
	signMessage      label = "sign message"
)

// Limits of version 1.
const (
	// MaxMembers is the largest roster.
	MaxMembers = 256
	// MaxFrameSize is the largest frame, in bytes.
	MaxFrameSize = 1 << 20
	// MaxTextSize is the largest application message, in bytes.
	MaxTextSize = 64 << 10
	// MaxMessages is how many application messages one frame holds.
	MaxMessages = 1024
	// MaxNameSize is the longest name of a person or a room, in bytes.
	MaxNameSize = 64
	// MaxAdds is how many Joins one commit serves.
	MaxAdds = 16
	// MaxBans is the longest list of banned identities.
	MaxBans = 256
	// MaxSkip is how far a sender's generation may jump.
	MaxSkip = 1000
	// JoinWindow is for how many epochs a Join may be served, and remembered
	// once it was.
	JoinWindow = 256
	// MaxUsedJoins bounds the Joins remembered: MaxAdds for each of JoinWindow.
	MaxUsedJoins = MaxAdds * JoinWindow
	// MaxWaiting is how many unserved Joins a member keeps; it is local.
	MaxWaiting = 256
)
