#pragma once
// An authority and certificates of it, made with OpenSSL while the test runs.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tests/unit/net/support.hpp"

namespace hubkeep::test {

struct Identity {
    fs::path certificate;
    fs::path key;
};

class Authority {
  public:
    explicit Authority(const TempFolder& folder, std::string name = "ca")
        : folder_(folder), key_(EVP_EC_gen("P-256")), name_(std::move(name)) {
        certificate_ = make(name_, key_, "critical,CA:TRUE", "", nullptr);
        save_certificate(folder_ / (name_ + ".pem"), certificate_);
    }
    ~Authority() {
        X509_free(certificate_);
        EVP_PKEY_free(key_);
    }
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;

    fs::path file() const { return folder_ / (name_ + ".pem"); }

    // `names` as in openssl.cnf: "DNS:localhost,IP:127.0.0.1".
    // Without a common name when `is_named` is false.
    Identity issue(const std::string& name, const std::string& names, bool is_named = true) const {
        EVP_PKEY* const key = EVP_EC_gen("P-256");
        X509* const certificate = make(is_named ? name : "", key, "CA:FALSE", names, certificate_);
        const Identity identity{folder_ / (name + ".crt"), folder_ / (name + ".key")};
        save_certificate(identity.certificate, certificate);
        FILE* const file = std::fopen(identity.key.c_str(), "w");
        PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
        X509_free(certificate);
        EVP_PKEY_free(key);
        return identity;
    }

  private:
    static void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* const extension =
            X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    X509* make(const std::string& name, EVP_PKEY* key, const std::string& basic,
               const std::string& names, X509* issuer) const {
        static std::atomic<long> serial{1};
        X509* const certificate = X509_new();
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_set_pubkey(certificate, key);
        X509_NAME* const subject = X509_get_subject_name(certificate);
        const auto* const text = reinterpret_cast<const unsigned char*>(name.c_str());
        if (!name.empty()) {
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0);
        }
        X509* const by = issuer ? issuer : certificate;
        X509_set_issuer_name(certificate, X509_get_subject_name(by));
        extend(certificate, by, NID_basic_constraints, basic);
        if (!names.empty()) extend(certificate, by, NID_subject_alt_name, names);
        X509_sign(certificate, issuer ? key_ : key, EVP_sha256());
        return certificate;
    }
    static void save_certificate(const fs::path& path, X509* certificate) {
        FILE* const file = std::fopen(path.c_str(), "w");
        PEM_write_X509(file, certificate);
        std::fclose(file);
    }

    const TempFolder& folder_;
    EVP_PKEY* key_;
    const std::string name_;
    X509* certificate_ = nullptr;
};

}  // namespace hubkeep::test
