using System.Reflection;
using System.Xml.Linq;
using NativeFl.Cuda;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Architecture;

/// <summary>Dependencies point one way: Cli → {NativeFl, Cuda} → Tensors. NativeFl never sees Cuda.</summary>
public sealed class LayeringTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["NativeFl.Tensors"] = [],
        ["NativeFl"] = ["NativeFl.Tensors"],
        ["NativeFl.Cuda"] = ["NativeFl.Tensors"],
        ["NativeFl.Cli"] = ["NativeFl", "NativeFl.Cuda", "NativeFl.Tensors"],
    };

    [Test]
    public void Every_source_project_has_a_place_in_the_layering()
    {
        string[] projects = [.. RepositoryTree.Files("src", ".csproj").Select(file => Path.GetFileNameWithoutExtension(file))];
        Assert.That(projects, Is.EquivalentTo(Allowed.Keys));
    }

    [Test]
    public void Projects_reference_only_the_layers_below_them()
    {
        foreach (string file in RepositoryTree.Files("src", ".csproj"))
        {
            string project = Path.GetFileNameWithoutExtension(file);
            IEnumerable<string> references = XDocument.Load(file).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));
            Assert.That(references, Is.SubsetOf(Allowed[project]), RepositoryTree.Relative(file));
        }
    }

    [Test]
    public void Compiled_assemblies_reference_only_the_layers_below_them()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Layers(typeof(Backend).Assembly), Is.Empty, "NativeFl.Tensors");
            Assert.That(Layers(typeof(ModelConfig).Assembly), Is.SubsetOf(Allowed["NativeFl"]), "NativeFl");
            Assert.That(Layers(typeof(CudaBackend).Assembly), Is.SubsetOf(Allowed["NativeFl.Cuda"]), "NativeFl.Cuda");
        });

        static IEnumerable<string> Layers(Assembly assembly) => assembly.GetReferencedAssemblies()
            .Select(name => name.Name!).Where(name => name.StartsWith("NativeFl", StringComparison.OrdinalIgnoreCase));
    }

    [Test]
    public void Only_Backend_NativeFlException_and_NativeHandle_are_abstract_classes()
    {
        IEnumerable<string> bases = ProductAssemblies.All.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsClass: true, IsAbstract: true, IsSealed: false } && !ProductAssemblies.IsGenerated(type))
            .Select(type => type.Name);
        Assert.That(bases, Is.EquivalentTo(new[] { nameof(Backend), nameof(NativeFlException), "NativeHandle" }));
    }
}
