using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Cuda;

namespace NativeFl.Cli;

/// <summary>What info says of CUDA: the device's libraries, where its kernels come from, and with --kernels what each takes, for which NVRTC is enough.</summary>
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

    /// <summary>Prints and adds what the kernels take where there is no device, by the compiler's log.</summary>
    public static void AddCompiled(VerbRun run, JsonObject result) =>
        AddTable(run, CudaBackend.CompileKernels(run.Get(SharedFlags.CudaLibraries)), result);

    private static void AddTable(VerbRun run, IReadOnlyList<KernelReport> kernels, JsonObject result)
    {
        int width = kernels.Count == 0 ? 0 : kernels.Max(kernel => kernel.Entry.Length) + 2;
        run.Print("");
        run.Print("Registers and bytes of each kernel; '-' is what a launch decides, or what the driver does not say");
        run.Print($"{"kernel".PadRight(width)}{"target",-12}{"origin",-10}{"registers",10}{"static",9}{"dynamic",9}{"local",9}{"spills",9}");
        foreach (KernelReport kernel in kernels)
        {
            run.Print(string.Create(
                CultureInfo.InvariantCulture,
                $"{kernel.Entry.PadRight(width)}{kernel.Target,-12}{Name(kernel.Origin),-10}{kernel.Registers,10}{kernel.StaticSharedBytes,9}{Known(kernel.DynamicSharedBytes),9}{kernel.LocalBytes,9}{Known(kernel.SpillBytes),9}"));
        }
        result["kernels"] = new JsonArray([.. kernels.Select(kernel => new JsonObject
        {
            ["file"] = kernel.File,
            ["entry"] = kernel.Entry,
            ["target"] = kernel.Target,
            ["origin"] = Name(kernel.Origin),
            ["registers"] = kernel.Registers,
            ["static_shared_bytes"] = kernel.StaticSharedBytes,
            ["dynamic_shared_bytes"] = kernel.DynamicSharedBytes,
            ["local_bytes"] = kernel.LocalBytes,
            ["spill_bytes"] = kernel.SpillBytes,
        })]);
    }

    private static string Known(int? bytes) => bytes?.ToString(CultureInfo.InvariantCulture) ?? "-";

    private static string Name(KernelOrigin origin) => origin switch
    {
        KernelOrigin.Prebuilt => "prebuilt",
        KernelOrigin.Cached => "cached",
        _ => "compiled",
    };
}
