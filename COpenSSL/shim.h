/*
 * What SpindleTLS sees of OpenSSL 3. Much of OpenSSL's interface is macros, which Swift cannot call: each that is needed
 * has a function or a constant here.
 */
#ifndef SPINDLE_COPENSSL_SHIM_H
#define SPINDLE_COPENSSL_SHIM_H

/* First, always, and for the reason that CLibEvent/shim.h gives: the C library as Swift's own Glibc module has it. */
#pragma clang module import SwiftGlibc

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#if OPENSSL_VERSION_MAJOR < 3
#error "SpindleTLS needs OpenSSL 3 (Debian and Ubuntu: apt-get install libssl-dev)"
#endif

/* Bits that are written as expressions. */
static const uint64_t SPINDLE_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t SPINDLE_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t SPINDLE_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t SPINDLE_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;

/* How names are written: as RFC 2253 has it, with letters of other alphabets as they are. */
static const unsigned long SPINDLE_NAME_FORM = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;

/* Of an error's code. */
static inline int spindle_error_library(unsigned long code) { return ERR_GET_LIB(code); }

static inline int spindle_error_reason(unsigned long code) { return ERR_GET_REASON(code); }

/* Calls of SSL_ctrl and SSL_CTX_ctrl in disguise. */
static inline long spindle_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_mode(context, mode);
}

static inline int spindle_SSL_CTX_set_versions(SSL_CTX *context, int lowest, int highest) {
    return SSL_CTX_set_min_proto_version(context, lowest) == 1 && SSL_CTX_set_max_proto_version(context, highest) == 1;
}

static inline int spindle_SSL_CTX_set_groups(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_groups_list(context, names) == 1;
}

static inline int spindle_SSL_CTX_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return SSL_CTX_add1_chain_cert(context, certificate) == 1;
}

static inline void spindle_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int spindle_SSL_set_server_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, (char *)name) == 1;
}

/* Stacks are typed by macros. */
static inline int spindle_X509_count(const STACK_OF(X509) *stack) { return stack ? sk_X509_num(stack) : 0; }

static inline X509 *spindle_X509_at(const STACK_OF(X509) *stack, int index) { return sk_X509_value(stack, index); }

static inline int spindle_cipher_count(const STACK_OF(SSL_CIPHER) *stack) { return stack ? sk_SSL_CIPHER_num(stack) : 0; }

static inline const SSL_CIPHER *spindle_cipher_at(const STACK_OF(SSL_CIPHER) *stack, int index) {
    return sk_SSL_CIPHER_value(stack, index);
}

/* The nth alternative name of a certificate that is a DNS name or an IP address. Returns its kind (GEN_DNS, GEN_IPADD, or -1 for
 * another one) with its bytes, or 0 behind the last. */
static inline int spindle_alternative_name(X509 *certificate, int index, const unsigned char **bytes, int *length,
                                           GENERAL_NAMES **names) {
    if (!*names) *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (!*names || index >= sk_GENERAL_NAME_num(*names)) return 0;
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(*names, index);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) return -1;
    const ASN1_STRING *string = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    *bytes = ASN1_STRING_get0_data(string);
    *length = ASN1_STRING_length(string);
    return name->type;
}

static inline void spindle_free_names(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

/* What OpenSSL has allocated for its caller. */
static inline void spindle_free(void *memory) { OPENSSL_free(memory); }

#endif
