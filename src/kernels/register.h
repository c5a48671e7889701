// Included inside the list of an operation's implementations, right before its .inc: defines FAST, ONEDNN and REFERENCE.
#undef FAST
#undef ONEDNN
#undef REFERENCE
#if defined(SIGMOE_REAL_DOUBLE) || !defined(SIGMOE_X86)
#define FAST(symbol)
#else
#define FAST(symbol) &symbol.identity,
#endif
#if defined(SIGMOE_REAL_DOUBLE) || !defined(SIGMOE_ONEDNN)
#define ONEDNN(symbol)
#else
#define ONEDNN(symbol) &symbol.identity,
#endif
#define REFERENCE(symbol) &symbol.identity,
