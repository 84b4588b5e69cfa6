package forgecfb

// UpgradeIn is UpgradeAt with the buffer that it keeps the plaintext in.
var UpgradeIn = upgrade
