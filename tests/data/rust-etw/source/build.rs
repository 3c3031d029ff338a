fn main() {
    // folder with libOneCore_apiset.a, made from etwrec.def (see the README)
    println!("cargo:rustc-link-search=native={}", std::env::var("ETWREC_LIB").expect("ETWREC_LIB"));
    println!("cargo:rerun-if-env-changed=ETWREC_LIB");
}
