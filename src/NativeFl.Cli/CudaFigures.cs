using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cuda;

namespace NativeFl.Cli;

/// <summary>What info says of a CUDA device: its libraries, where its kernels come from, and with --kernels what each takes.</summary>
internal static class CudaFigures
{
    /// <summary>Prints and adds "cuda".</summary>
    public static void Add(VerbRun run, CudaBackend backend, bool withKernels, JsonObject result)
    {
        IReadOnlyList<KernelReport> kernels = withKernels ? backend.InspectKernels() : [];
        CudaReport report = backend.Describe();
        int Count(KernelOrigin origin) => report.Kernels.Values.Count(value => value == origin);
        run.Print($"  compiler  {report.Compiler}");
        run.Print($"  products  {report.Products}");
        run.Print(
            $"  kernels   {Count(KernelOrigin.Prebuilt)} prebuilt, {Count(KernelOrigin.Cached)} from the cache, "
            + $"{Count(KernelOrigin.Compiled)} {(withKernels ? "compiled now" : "to compile when first used")}");
        run.Print($"  cache     {(report.CacheFolder.Length > 0 ? report.CacheFolder : "off")}");
        result["cuda"] = new JsonObject
        {
            ["compiler"] = report.Compiler,
            ["products"] = report.Products,
            ["cache"] = report.CacheFolder,
            ["kernels"] = new JsonObject(report.Kernels.Select(kernel => KeyValuePair.Create(kernel.Key, (JsonNode?)Name(kernel.Value)))),
        };
        if (withKernels) AddTable(run, kernels, result);
    }

    private static void AddTable(VerbRun run, IReadOnlyList<KernelReport> kernels, JsonObject result)
    {
        int width = kernels.Count == 0 ? 0 : kernels.Max(kernel => kernel.Entry.Length) + 2;
        run.Print("");
        run.Print($"{"kernel".PadRight(width)}{"target",-12}{"origin",-10}{"registers",10}{"shared B",10}{"local B",10}");
        foreach (KernelReport kernel in kernels)
        {
            run.Print(string.Create(
                CultureInfo.InvariantCulture,
                $"{kernel.Entry.PadRight(width)}{kernel.Target,-12}{Name(kernel.Origin),-10}{kernel.Registers,10}{kernel.SharedBytes,10}{kernel.LocalBytes,10}"));
        }
        result["kernels"] = new JsonArray([.. kernels.Select(kernel => new JsonObject
        {
            ["file"] = kernel.File,
            ["entry"] = kernel.Entry,
            ["target"] = kernel.Target,
            ["origin"] = Name(kernel.Origin),
            ["registers"] = kernel.Registers,
            ["shared_bytes"] = kernel.SharedBytes,
            ["local_bytes"] = kernel.LocalBytes,
        })]);
    }

    private static string Name(KernelOrigin origin) => origin switch
    {
        KernelOrigin.Prebuilt => "prebuilt",
        KernelOrigin.Cached => "cached",
        _ => "compiled",
    };
}
