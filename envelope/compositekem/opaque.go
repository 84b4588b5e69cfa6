package compositekem

import (
	"crypto"
	"crypto/rsa"
	"math/big"
)

// NewOpaqueDecapsulationKey makes a private key of two halves, either or both of
// which may live in an HSM, a KMS or a smart card. Both must have been made for
// this key and be used for nothing else (the draft, Sections 3.1 and 9.3).
//
// mlkemHalf is an ML-KEM-768 key: its Encapsulator's Bytes are the 1184 bytes of
// FIPS 203. rsaHalf is an RSA key of 2048, 3072 or 4096 bits with the public
// exponent 65537: its Public is an *[rsa.PublicKey], and its Decrypt is called
// with *[rsa.OAEPOptions] that ask for SHA-256, MGF1 with SHA-256 and the empty
// label. Public keys are read once, here, and refused with [ErrDecapsulationKey];
// private halves are not exercised. The key is safe for concurrent use if the
// halves are.
//
// What a half returns is taken over, checked for its length, and overwritten
// after use. A half that fails makes Decapsulate return [ErrDecapsulate] like
// any other cause, without the half's error: whoever runs hardware watches it
// where it is, not here. Bytes and [MarshalPKCS8PrivateKey] return [ErrOpaque],
// whatever the halves.
func NewOpaqueDecapsulationKey(mlkemHalf crypto.Decapsulator, rsaHalf crypto.Decrypter) (*DecapsulationKey, error) {
	if mlkemHalf == nil || rsaHalf == nil {
		return nil, refuse(ErrDecapsulationKey, "a half is missing")
	}
	mlkemPK, err := publicMLKEM(mlkemHalf)
	if err != nil {
		return nil, err
	}
	tradPK, err := publicRSA(rsaHalf)
	if err != nil {
		return nil, err
	}
	ek, err := newEncapsulationKey(mlkemPK, tradPK)
	if err != nil {
		return nil, err
	}
	h := halves{mlkem: mlkemHalf, rsa: rsaHalf}
	return &DecapsulationKey{ek: ek, private: func() halves { return h }}, nil
}

func publicMLKEM(half crypto.Decapsulator) ([]byte, error) {
	public := half.Encapsulator()
	if public == nil {
		return nil, refuse(ErrDecapsulationKey, "ML-KEM half has no public key")
	}
	mlkemPK := public.Bytes()
	if !validMLKEM(mlkemPK) {
		return nil, refuse(ErrDecapsulationKey, "ML-KEM half is not an ML-KEM-768 key")
	}
	return mlkemPK, nil
}

// publicRSA returns a copy, which the half's owner cannot change later.
func publicRSA(half crypto.Decrypter) (*rsa.PublicKey, error) {
	if key, ok := half.(*rsa.PrivateKey); ok {
		if err := checkRSANumbers(key); err != nil {
			return nil, err
		}
		if err := checkRSAConsistency(key); err != nil {
			return nil, err
		}
	}
	public, ok := half.Public().(*rsa.PublicKey)
	if !ok || public == nil {
		return nil, refuse(ErrDecapsulationKey, "RSA half has no RSA public key")
	}
	if _, err := checkRSAPublicKey(public, ErrDecapsulationKey); err != nil {
		return nil, err
	}
	return &rsa.PublicKey{N: new(big.Int).Set(public.N), E: public.E}, nil
}
