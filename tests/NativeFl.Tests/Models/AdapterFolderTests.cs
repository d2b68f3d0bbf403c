using NativeFl.Models;

namespace NativeFl.Tests.Models;

public sealed class AdapterFolderTests
{
    [TestCaseSource(typeof(ModelFixture), nameof(ModelFixture.Names))]
    public void The_adapters_of_a_fixture_load_and_survive_a_round_trip(string name)
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder(name));
        string[] folders = [ModelFixture.Folder(name, "adapter"), .. Directory.EnumerateDirectories(ModelFixture.Folder(name, "clients"))];
        Assert.That(folders, Has.Length.EqualTo(4));
        foreach (string folder in folders)
        {
            AdapterFolderContent content = AdapterFolder.Load(folder, config);
            Assert.That(content.Weights.Modules, Has.Count.EqualTo(7 * config.LayerCount));
            Assert.That(content.Weights.IsFinite, Is.True);
            using TemporaryFolder copy = new();
            AdapterFolder.Save(copy.Path, content.Weights, content.Settings);
            AdapterFolderContent again = AdapterFolder.Load(copy.Path, config);
            foreach ((ModuleId module, LoraFactors factors) in content.Weights.Modules)
            {
                LoraFactors other = again.Weights.Modules[module];
                Assert.That((other.Rank, other.Scaling), Is.EqualTo((factors.Rank, factors.Scaling)));
                Assert.That(other.A, Is.EqualTo(factors.A));
                Assert.That(other.B, Is.EqualTo(factors.B));
            }
        }
    }
}
