// Chapter 11: models and data of other programs.
#include "api/request.h"
#include "interchange/export_data.h"
#include "interchange/export_hf.h"
#include "interchange/export_onnx.h"
#include "interchange/import_data.h"
#include "train/checkpoint.h"

#include <string.h>

void sigmoe_export_defaults_sized(sigmoe_export_request *request, size_t size) {
    const sigmoe_export_request own = {.format = "hf"};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_export(const sigmoe_export_request *request) {
    char model[PATH_CAPACITY];
    sigmoe_export_request own;
    TRY(REQUEST_READ(own, request, "export"));
    if (!own.model || !own.out || !own.format)
        return fail(SIGMOE_BAD_ARGUMENT, "an export needs `model`, `format` and `out`");
    TRY(model_locate(own.model, model));
    if (strcmp(own.format, "hf") == 0) return export_hf(model, own.out, own.force);
    if (strcmp(own.format, "onnx") == 0) return export_onnx(model, own.out, own.force);
    return fail(SIGMOE_BAD_ARGUMENT, "there is no `format` \"%.40s\" of models: use hf or onnx", own.format);
}

void sigmoe_data_import_defaults_sized(sigmoe_data_import_request *request, size_t size) {
    sized_fill(request, size, &(sigmoe_data_import_request){0}, sizeof *request);
}

sigmoe_status sigmoe_data_import(const sigmoe_data_import_request *request) {
    sigmoe_data_import_request own;
    TRY(REQUEST_READ(own, request, "data_import"));
    return import_data(&own);
}

void sigmoe_data_export_defaults_sized(sigmoe_data_export_request *request, size_t size) {
    sized_fill(request, size, &(sigmoe_data_export_request){0}, sizeof *request);
}

sigmoe_status sigmoe_data_export(const sigmoe_data_export_request *request) {
    sigmoe_data_export_request own;
    TRY(REQUEST_READ(own, request, "data_export"));
    return export_data(&own);
}
